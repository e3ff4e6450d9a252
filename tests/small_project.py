"""A small copy of the project: real DVC, real stages, the shipped weights, run whole in a minute or two."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.documents import read
from tests.stages.whole_project import contents

ROOT = Path(__file__).resolve().parents[1]
CARRIED = ("stages", "pipeline", ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "dvc.yaml")
PICTURES = 'PICTURES = {"concepts": 60, "examples": 30, "known": 12}'
FEW = 'PICTURES = {"concepts": 2, "known": 1, "examples": 1}'
SMALL = {
    "seeds": [0],
    "invert": {"images": 2, "steps": 3},
    "replay_images": 1,
    "recipes": {"paper": {"learning_rates": [1e-4]}, "replay": {"learning_rates": [3e-4], "epochs": 1}},
    "controls": ["noise", "wrong_description"],
    "device": "cpu",
}


class Project:
    """A project small enough to be run whole in a minute or two: one run of two concepts, one of one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "SHELL": "/bin/sh",  # which stays between DVC and its stages; bash gives way to them
            "DVC_SITE_CACHE_DIR": str(folder / ".dvc/tmp/site"),
            "OMP_WAIT_POLICY": "PASSIVE",
        }

    def build(self) -> None:
        for name in CARRIED:
            goal = self.folder / name
            goal.parent.mkdir(parents=True, exist_ok=True)
            place = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            place(ROOT / name, goal)
        shutil.copytree(ROOT / "data/weights", self.folder / "data/weights")
        shutil.copy2(ROOT / "data/inversion.md", self.folder / "data")
        draw = self.folder / "stages/draw.py"
        assert PICTURES in draw.read_text()
        draw.write_text(draw.read_text().replace(PICTURES, FEW))
        params = read(ROOT / "params.yaml")
        shipped = params["runs"]["world-together"]
        members = {"pair": ["moongate", "tonometer"], "alone": ["gyroscope"]}
        params["runs"] = {run: {**shipped, **copy.deepcopy(SMALL), "concepts": of} for run, of in members.items()}
        self._write(params)
        subprocess.run(["git", "init", "--quiet"], cwd=self.folder, check=True)

    def copied(self, goal: Path) -> "Project":
        shutil.copytree(self.folder, goal, symlinks=True)
        return Project(goal)

    def edit(self, change: Callable[[dict], object]) -> None:
        """Change params.yaml as a mapping."""
        params = read(self.folder / "params.yaml")
        change(params)
        self._write(params)

    def _write(self, params: dict) -> None:
        (self.folder / "params.yaml").write_text(json.dumps(params, indent=2))  # JSON is YAML

    def repro(self, *words: str, expect: int = 0) -> set[str]:
        """`dvc repro`: the stages that it ran."""
        done = self.dvc("repro", *words)
        assert done.returncode == expect, done.stdout
        return set(re.findall(r"^Running stage '([^']+)'", done.stdout, re.MULTILINE))

    def dvc(self, *words: str, **settings: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "dvc", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            **settings,
        )

    def forget(self, stage: str) -> None:
        """Take the result of a stage out of DVC's cache, from where DVC would fetch it if it were missing."""
        cache = self.folder / ".dvc/cache"
        for out in read(self.folder / "dvc.lock")["stages"][stage]["outs"]:
            (cache / "files/md5" / out["md5"][:2] / out["md5"][2:]).unlink()
        shutil.rmtree(cache / "runs")

    def data(self) -> dict[str, bytes]:
        """Every file under data/ that the stages write, the timings aside."""
        aside = ("weights/", "timings/", "inversion.md")
        return {name: bytes_ for name, bytes_ in contents(self.folder / "data").items() if not name.startswith(aside)}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Names of files that are not the same in both, or in one of them alone."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
