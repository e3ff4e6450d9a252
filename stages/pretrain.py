"""Train the tiny CLIP of the drawn world from scratch: drawn pictures and captions -> data/weights/tiny_clip.

Not a stage of the graph: the weights are in git, so that nobody trains for an hour by accident. Pictures are drawn in
memory; a run that was stopped goes on where it was.

Command: python -m stages.pretrain            (about an hour on one CPU core; --device cuda takes minutes)
Writes:  data/weights/tiny_clip/{open_clip_config.json, open_clip_model.safetensors, pretraining.json}
"""

import argparse
import io
import json
import math
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from stages.common import kept
from stages.common.atomic import new_folder, write_bytes
from stages.common.open_clip_import import import_open_clip
from stages.common.progress import progress
from stages.pretraining.settings import MEAN, MODEL_CONFIG, STD, VOCABULARY, Settings
from stages.pretraining.texts import cut, embed_by_length, lexicon_loss, lexicon_tokens, symmetric_loss, tokenizer
from stages.world.corpus import examples, kinds

WEIGHTS = Path("data/weights/tiny_clip")
RESUME = Path(".cache/pretrain/state.pt")


def drawn_corpus(settings: Settings, workers: int) -> tuple[Tensor, Tensor]:
    """Draw all pictures and tokenise all captions, in `workers` processes; the result does not depend on how many.

    Returns:
        uint8 [N, IMAGE_PX, IMAGE_PX, 3] and int32 [N, captions, L].
    """
    plan = kinds(settings.known, settings.named, settings.scenes)
    pieces = [(settings.seed, i, plan[i : i + 1000]) for i in range(0, len(plan), 1000)]
    with get_context("fork").Pool(workers) as pool:
        drawn = pool.imap(partial(_draw_piece, captions=settings.captions), pieces)
        parts = [part for _, part in zip(progress(pieces, "draw the corpus"), drawn, strict=True)]
    pictures, tokens = (torch.from_numpy(np.concatenate(part)) for part in zip(*parts, strict=True))
    return pictures, cut(tokens)


def _draw_piece(piece: tuple[int, int, list[tuple[str, str]]], captions: int) -> tuple[np.ndarray, np.ndarray]:
    seed, start, plan = piece
    drawn = list(examples(plan, captions, Random(f"corpus {seed} {start}")))
    tokens = [tokenizer()(list(example.captions)).numpy().astype(np.int32) for example in drawn]
    return np.stack([example.drawing.pixels for example in drawn]), np.stack(tokens)


def augmented(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """uint8 [B, H, W, 3] -> normalised [B, 3, H, W]: moved, mirrored, with other contrast and tint."""
    x = pictures.permute(0, 3, 1, 2).float() / 255
    down, right, mirror = torch.randint(-3, 4, (3,), generator=chance).tolist()
    x = torch.roll(x, (down, right), (2, 3))
    x = x.flip(3) if mirror > 0 else x
    contrast = 1 + 0.2 * torch.randn(len(x), 1, 1, 1, generator=chance).to(x.device)
    tint = 0.06 * torch.randn(len(x), 3, 1, 1, generator=chance).to(x.device)
    return (((x - 0.5) * contrast + 0.5 + tint) - MEAN) / STD


def untrained(settings: Settings, rows: int) -> torch.nn.Module:
    """A fresh CLIP whose token table has `rows` rows."""
    import_open_clip()
    from open_clip.model import CLIP

    torch.manual_seed(settings.seed)
    model = CLIP(**MODEL_CONFIG)
    table = model.token_embedding.weight[:rows].clone()
    model.token_embedding = torch.nn.Embedding.from_pretrained(table, freeze=False)
    model.logit_scale.data.fill_(math.log(settings.logit_scale)).requires_grad_(False)
    return model.to(memory_format=torch.channels_last)


def train(model: torch.nn.Module, corpus: tuple[Tensor, Tensor], row_of: Tensor, settings: Settings) -> Iterator[dict]:
    """Train in place; gives the loss every 100 steps, from the first one on, and keeps the state on disk every 250.

    Args:
        model: as `untrained` makes it.
        corpus: as `drawn_corpus` makes it, on the model's device.
        row_of: as in `embed_tokens`.
        settings: how.
    """
    pictures, tokens = corpus
    words = tuple(view.to(row_of.device) for view in lexicon_tokens(settings))
    optimizer = _optimizer(model, settings)
    step, curve = _resumed(model, optimizer, settings)
    yield from curve
    first, mean = step, 0.0
    model.train()
    while step < settings.steps:
        chance = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(step, settings.steps)
        rows = torch.randint(len(pictures), (settings.batch,), generator=chance)
        which = torch.randint(tokens.shape[1], (settings.batch,), generator=chance)
        texts = tokens[rows, which]
        images = augmented(pictures[rows], chance).contiguous(memory_format=torch.channels_last)
        seen = F.normalize(model.encode_image(images), dim=-1)
        same = (texts[:, None] == texts[None]).all(-1).float()
        loss = symmetric_loss(seen, embed_by_length(model, texts, row_of), settings.logit_scale, same)
        chosen = torch.randperm(len(words[0]), generator=chance)[: settings.lexicon_words]
        loss = loss + settings.lexicon_weight * lexicon_loss(model, tuple(view[chosen] for view in words), row_of)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        mean += (loss.item() - mean) / min(step - first, 100)
        if step % 100 == 0 or step == settings.steps:
            curve.append({"step": step, "loss": round(mean, 4)})
            yield curve[-1]
        if step % 250 == 0 or step == settings.steps:
            _keep(model, optimizer, step, settings, curve)


def _schedule(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _optimizer(model: torch.nn.Module, settings: Settings) -> torch.optim.Optimizer:
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, settings.learning_rate, betas=(0.9, 0.98), fused=True)


def _keep(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int, settings: Settings, curve: list[dict]
) -> None:
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "curve": curve}
    content = io.BytesIO()
    torch.save({**state, "made_by": kept.fingerprint(asdict(settings))}, content)
    write_bytes(RESUME, content.getvalue())


def _resumed(model: torch.nn.Module, optimizer: torch.optim.Optimizer, settings: Settings) -> tuple[int, list[dict]]:
    """Load what a run of the same code with the same settings left: the step that it had reached, and its curve."""
    state = torch.load(RESUME, weights_only=True) if RESUME.exists() else {}
    if state.get("made_by") != kept.fingerprint(asdict(settings)):
        return 0, []
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["curve"]


def save(model: torch.nn.Module, used: Tensor, record: dict) -> None:
    """Write weights, model config and the record of the training; only the token rows that were trained."""
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name != "attn_mask"}
    tensors["token_rows"] = used.to(torch.int32)
    config = {
        "model_cfg": MODEL_CONFIG,
        "preprocess_cfg": {"mean": [MEAN] * 3, "std": [STD] * 3, "interpolation": "bicubic", "resize_mode": "shortest"},
    }
    with new_folder(WEIGHTS) as folder:
        save_file(tensors, folder / "open_clip_model.safetensors")
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
        (folder / "pretraining.json").write_text(json.dumps(record, indent=2) + "\n")


def _commit() -> str:
    """The commit that this code is of; with "-dirty" where files of it were changed since."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def main() -> None:
    """Draw, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=1, help="more than one brings little at this size")
    parser.add_argument("--workers", type=int, default=2, help="processes that draw")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings, commit, started = Settings(), _commit(), time.monotonic()
    pictures, tokens = drawn_corpus(settings, options.workers)
    print(f"drew {len(pictures)} pictures in {time.monotonic() - started:.0f} s", flush=True)
    used = torch.cat([tokens.flatten(), *(view.flatten() for view in lexicon_tokens(settings))]).unique().long()
    row_of = torch.zeros(VOCABULARY, dtype=torch.long)
    row_of[used] = torch.arange(len(used))
    model, curve = untrained(settings, len(used)).to(options.device), []
    corpus = (pictures.to(options.device), tokens.to(options.device))
    plan = progress(range(0, settings.steps, 100), "train")
    for entry, _ in zip(train(model, corpus, row_of.to(options.device), settings), plan, strict=True):
        print("step {step}: loss {loss}".format(**entry), flush=True)
        curve.append(entry)
    save(model.cpu(), used, {"settings": asdict(settings), "commit": commit, "curve": curve})
    RESUME.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
