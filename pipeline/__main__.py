"""What can be typed beside `dvc repro`.

python -m pipeline serve [--port PORT]           a Prefect server, in whose UI runs show themselves
python -m pipeline run [TARGET...]               run what is out of date, several items side by side, seen there
python -m pipeline status [TARGET...]            what is out of date, and why
python -m pipeline prune [--yes]                 remove results of concepts and runs that params.yaml no longer names
python -m pipeline stage VERB [KEY...]           run one stage now, whether DVC thinks it stale or not
python -m pipeline classify PHOTO... --run KEY   what a picture shows, before and after teaching
python -m pipeline export KEY FOLDER             a taught model as a folder that open_clip loads
python -m pipeline classes BENCHMARK FOLDER FILE the class names of a benchmark's data, for `known:` of a run
python -m pipeline bench [--model NAME...]       how fast models are inverted and taught on this machine
python -m pipeline timings                       where the time of the last runs went, as a Markdown table
python -m pipeline experiments                   what can be added, and what each needs
python -m pipeline add EXPERIMENT...             put their concepts and runs into params.yaml
python -m pipeline remove EXPERIMENT...          take them out again
"""

import argparse
import sys
from collections.abc import Callable

from pipeline import experiments, items, prune, run, serve, stage, status, timings
from pipeline.mistakes import UserError

PASSED_ON = {  # verbs with options of their own, which stages/VERB.py reads
    "classify": "name what pictures show, before and after teaching (own options: classify --help)",
    "export": "write a taught model for open_clip (own options: export --help)",
    "classes": "write the class names of a benchmark's data as JSON (own options: classes --help)",
    "bench": "measure how fast models are inverted and taught here (own options: bench --help)",
}

ANSWERS: dict[str, Callable[[argparse.Namespace], list[str]]] = {  # commands that are done here, and what they print
    "serve": lambda given: serve.main(given.port),
    "status": lambda given: status.lines(given.targets),
    "timings": lambda _given: timings.lines(),
    "prune": lambda given: prune.main(is_sure=given.yes),
    "experiments": lambda _given: experiments.listed() or ["pipeline/experiments holds none yet."],
    "add": lambda given: [f"params.yaml: add {_listed(experiments.add(*given.names))}"],
    "remove": lambda given: [f"params.yaml: remove {_listed(experiments.remove(*given.names))}"],
}


def _listed(entries: list[str]) -> str:
    return ", ".join(entries) or "- nothing to do"


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    top = argparse.ArgumentParser(prog="python -m pipeline", description="`dvc repro` runs whatever is out of date.")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    server = commands.add_parser("serve", help="run a Prefect server, in whose UI runs show themselves")
    server.add_argument("--port", type=int, default=serve.PORT, help="of 127.0.0.1 (default: %(default)s)")
    run.arguments(commands.add_parser("run", help="run what is out of date, side by side, seen in that UI"))
    stale = commands.add_parser("status", help="what is out of date, and why")
    stale.add_argument("targets", metavar="TARGET", nargs="*", help="stages or items; all unless told")
    commands.add_parser("timings", help="where the time of the last runs went, as a Markdown table")
    rest = commands.add_parser("prune", help="remove results of concepts and runs that params.yaml no longer names")
    rest.add_argument("--yes", action="store_true", help="without asking")
    one = commands.add_parser("stage", help="run one stage now, whether DVC thinks it stale or not")
    one.add_argument("verb", metavar="VERB", help="a stage of dvc.yaml, e.g. invert")
    one.add_argument("keys", metavar="KEY", nargs="*", help="concepts or runs of params.yaml")
    for verb, text in PASSED_ON.items():
        commands.add_parser(verb, help=text, add_help=False)
    commands.add_parser("experiments", help="what can be added to params.yaml, and what each needs")
    known = ", ".join(experiments.names()) or "there is none yet"
    for command, text in (("add", "put experiments into params.yaml"), ("remove", "take them out again")):
        commands.add_parser(command, help=text).add_argument("names", metavar="EXPERIMENT", nargs="+", help=known)
    return top


def main(arguments: list[str]) -> int:
    """Run one command.

    Returns:
        The exit code: that of the stage, or 0, or 1 after a one-line message.
    """
    try:
        if arguments and arguments[0] in PASSED_ON:
            return stage.run(arguments[0], arguments[1:])
        given = parser().parse_args(arguments)
        if given.command == "run":
            return run.main(given)
        if given.command == "stage":
            items.check(given.verb, given.keys)
            return stage.run(given.verb, given.keys, timings=stage.TIMINGS)
        print("\n".join(ANSWERS[given.command](given)))
    except UserError as mistake:
        print(mistake, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
