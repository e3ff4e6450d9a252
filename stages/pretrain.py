"""Train a tiny model of the drawn world from scratch: drawn pictures and captions -> data/weights/tiny_clip, ...

Not a stage of the graph: the weights are in git, so that nobody trains for an hour by accident. Pictures are drawn in
memory; a run that was stopped goes on where it was. tiny_clip teaches tiny_vilt and tiny_coca what it sees in pictures,
so that it comes first. The published ViLT starts from a ViT trained on ImageNet, and CoCa from billions of pictures.

Command: python -m stages.pretrain tiny_clip     (about an hour on one CPU core; --device cuda takes minutes)
         python -m stages.pretrain tiny_vilt     (more than an hour on two; --threads 2)
         python -m stages.pretrain tiny_coca     (the same)
Writes:  data/weights/tiny_clip/{open_clip_config.json, open_clip_model.safetensors, pretraining.json}
         data/weights/tiny_vilt/{config.json, model.safetensors, vocab.txt, pretraining.json}
         data/weights/tiny_coca, the same files as tiny_clip
"""

import argparse
import time
from dataclasses import asdict

import torch

from stages.common.failures import run_main
from stages.common.progress import progress
from stages.pretraining import clip, coca, vilt
from stages.pretraining.training import commit, state_of, train_all

TINY = {"tiny_clip": clip, "tiny_vilt": vilt, "tiny_coca": coca}


def main(*words: str) -> None:
    """Draw, train, write."""
    parser = argparse.ArgumentParser(prog="python -m stages.pretrain", description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=TINY)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=1, help="more than one brings little at this size")
    parser.add_argument("--workers", type=int, default=2, help="processes that draw")
    options = parser.parse_args(words)
    torch.set_num_threads(options.threads)
    tiny, made_of, started = TINY[options.model], commit(), time.monotonic()
    settings, curve = tiny.Settings(), []
    tasks = tiny.prepared(settings, options.workers, options.device)
    print(f"{len(tasks[0].pictures)} pictures are ready after {time.monotonic() - started:.0f} s", flush=True)
    plan = progress(range(0, sum(task.settings.steps for task in tasks), 100), "train")
    for entry, _ in zip(train_all(tasks), plan, strict=True):
        print(", ".join(f"{name} {value}" for name, value in entry.items()), flush=True)
        curve.append(entry)
    tasks[-1].save({"settings": asdict(settings), "commit": made_of, "curve": curve})
    for task in tasks:
        state_of(task.name).unlink(missing_ok=True)


if __name__ == "__main__":
    run_main(main)
