import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from stages.common.atomic import new_folder, write_bytes, write_text
from stages.common.failures import is_full_disk, told


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_is_written_and_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    goal = tmp_path / "deep" / "a.txt"
    write_text(goal, "one")
    write_text(goal, "zwei ü")
    assert goal.read_bytes() == "zwei ü".encode()
    assert everything(tmp_path) == ["deep", "deep/a.txt"]


def test_a_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    goal = tmp_path / "images"
    for name in ("old", "new"):
        with new_folder(goal) as folder:
            (folder / name).write_text(name)
    assert everything(tmp_path) == ["images", "images/new"]


def test_an_error_leaves_the_old_folder_and_no_traces(tmp_path: Path) -> None:
    goal = tmp_path / "images"
    with new_folder(goal) as folder:
        (folder / "old").write_text("old")
    with pytest.raises(KeyError), new_folder(goal) as folder:
        (folder / "half").write_text("half")
        raise KeyError("stop")
    assert everything(tmp_path) == ["images", "images/old"]


@cache
def ended() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_a_folder_that_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    others = tmp_path / f".images.{os.getppid()}.part"
    others.mkdir()
    with new_folder(tmp_path / "images") as folder:
        (folder / "mine").write_text("mine")
    assert others.exists()


def test_only_one_process_at_a_time_is_inside(tmp_path: Path) -> None:
    log, code = tmp_path / "log", "print('in', flush=True); time.sleep(0.3); print('out', flush=True)"
    script = f"""
import time
from pathlib import Path
from stages.common.atomic import only_one
with only_one(Path({str(tmp_path / "goal")!r})):
    {code}
"""
    with log.open("a") as file:
        processes = [subprocess.Popen([sys.executable, "-c", script], stdout=file) for _ in range(3)]
        assert [process.wait() for process in processes] == [0, 0, 0]
    assert log.read_text().split() == ["in", "out"] * 3


def test_what_a_killed_process_left_is_cleared_or_put_back(tmp_path: Path) -> None:
    (tmp_path / f".images.{ended()}.part").mkdir()
    (tmp_path / f".images.{ended()}.part" / "half").write_text("half")
    (tmp_path / ".images.old").mkdir()
    (tmp_path / ".images.old" / "whole").write_text("whole")
    with pytest.raises(KeyError), new_folder(tmp_path / "images") as folder:
        assert everything(folder) == []
        raise KeyError("stop")
    assert everything(tmp_path) == ["images", "images/whole"]


@pytest.mark.usefixtures("small_files_only")
def test_a_full_disk_leaves_the_old_file_and_is_told_with_the_path(tmp_path: Path) -> None:
    goal = tmp_path / "a.bin"
    write_bytes(goal, b"old")
    with pytest.raises(OSError) as caught:
        write_bytes(goal, bytes(10_000))
    assert is_full_disk(caught.value)
    assert f"The disk is full (or a size limit is reached) while writing {goal}" in told(caught.value)
    assert goal.read_bytes() == b"old"
    assert everything(tmp_path) == ["a.bin"]


@pytest.mark.usefixtures("small_files_only")
def test_a_full_disk_leaves_no_half_folder(tmp_path: Path) -> None:
    goal = tmp_path / "images"
    with pytest.raises(OSError) as caught, new_folder(goal) as folder:
        (folder / "a.bin").write_bytes(bytes(10_000))
    assert f"while writing {goal}" in told(caught.value)
    assert everything(tmp_path) == []
