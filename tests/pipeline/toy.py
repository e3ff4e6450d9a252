"""A small project with a real DVC repository: things that are made and then used, by shell commands."""

import os
import subprocess
import sys
from pathlib import Path

GRAPH = """\
stages:
  make:
    foreach: ${things}
    do:
      cmd: mkdir -p made && echo ${item.text} > made/${key}.txt
      params:
        - things.${key}
      outs:
        - made/${key}.txt
  note:
    foreach: ${things}
    do:
      cmd: mkdir -p notes && cp made/${key}.txt notes/${key}.txt
      deps:
        - made/${key}.txt
      outs:
        - notes/${key}.txt:
            cache: false
            persist: true
  count:
    cmd: cat made/*.txt | wc -l > count.txt
    deps:
      - made
    params:
      - limit
    outs:
      - count.txt
"""
ENVIRONMENT = {**os.environ, "DVC_NO_ANALYTICS": "1"}


def build(*things: str) -> None:
    """Lay the project out in the current folder, and run it."""
    Path("dvc.yaml").write_text(GRAPH)
    name(*things)
    subprocess.run(["git", "init", "--quiet"], check=True)
    dvc("init", "--quiet")
    dvc("repro", "--quiet")


def name(*things: str, limit: int = 1, **texts: str) -> None:
    """Write params.yaml with these things; a thing's text is its own name, unless told."""
    entries = "".join(f"  {thing}: {{text: {texts.get(thing, thing)}}}\n" for thing in things)
    Path("params.yaml").write_text(f"limit: {limit}\nthings:\n{entries}")


def dvc(*words: str) -> str:
    """Run DVC; what it prints."""
    command = [sys.executable, "-m", "dvc", *words]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout
