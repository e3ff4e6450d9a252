"""What DVC is told of items that it did not run: real projects, and its own word on them."""

import inspect
import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from pipeline import ledger
from pipeline.ledger import CACHED, RESTORED
from pipeline.mistakes import UserError
from tests.pipeline import runs, toy

ALL = ["make@kite", "note@kite", "make@lamp", "note@lamp", "count"]


def work(book, *names):
    """Run items as `pipeline run` does; how each went, "ran" where it had to."""
    went = {}
    for name in names:
        went[name] = book.prepare(name)
        if went[name] is None:
            assert book.begin(name)
            subprocess.run(book.items[name].command, shell=True, check=True)
            book.finish(name)
            went[name] = "ran"
    return went


def test_items_are_in_the_order_of_dvc_with_what_is_written_about_them(project):
    with ledger.opened() as book:
        assert sorted(book.items) == sorted(ALL)
        names = list(book.items)
        assert all(names.index(need) < names.index(name) for name, item in book.items.items() for need in item.needs)
        note = book.items["note@lamp"]
        assert (note.verb, note.key, note.needs) == ("note", "lamp", ("make@lamp",))
        assert note.command == "mkdir -p notes && cp made/lamp.txt notes/lamp.txt"
        assert set(book.items["count"].needs) == {"make@kite", "make@lamp"} and book.items["count"].key == ""
        assert {name: item.can_travel for name, item in book.items.items()} == {
            name: not name.startswith("note") for name in ALL
        }


def test_what_is_as_it_should_be_is_found_so(project):
    before = Path("dvc.lock").read_bytes()
    with ledger.opened() as book:
        assert work(book, *ALL) == dict.fromkeys(ALL, CACHED)
        assert book.finished == set(ALL)
    assert Path("dvc.lock").read_bytes() == before


def test_after_an_edit_what_has_to_run_runs_and_dvc_finds_nothing_left(project):
    toy.name("kite", "lamp", kite="dragon")
    with ledger.opened() as book:
        went = work(book, *book.items)
    assert went == {
        "make@kite": "ran",
        "note@kite": "ran",
        "make@lamp": CACHED,
        "note@lamp": CACHED,
        "count": "ran",
    }
    assert Path("notes/kite.txt").read_text() == "dragon\n"
    runs.assert_nothing_left_to_do(project)


def test_what_ran_before_is_restored_and_what_it_left_lies_there_again(project):
    toy.name("kite", "lamp", limit=2)
    with ledger.opened() as book:
        assert work(book, "count") == {"count": "ran"}
    toy.name("kite", "lamp")
    Path("count.txt").unlink()
    with ledger.opened() as book:
        assert work(book, "count") == {"count": RESTORED}
    assert Path("count.txt").read_text().strip() == "2"
    runs.assert_nothing_left_to_do(project)


def test_old_results_are_removed_before_an_item_runs_but_for_those_that_are_to_persist(project):
    toy.name("kite", "lamp", kite="dragon")
    Path("notes/kite.txt").write_text("by hand\n")
    with ledger.opened() as book:
        assert book.prepare("make@kite") is None and not Path("made/kite.txt").exists()
        assert book.prepare("note@lamp") == CACHED
        with pytest.raises(UserError, match=r"note@kite needs .*/made/kite\.txt, which does not exist"):
            book.prepare("note@kite")
    assert Path("notes/kite.txt").read_text() == "by hand\n"


def test_the_record_is_the_one_that_dvc_writes_byte_for_byte(project):
    theirs = Path("dvc.lock").read_bytes()
    Path("dvc.lock").unlink()
    shutil.rmtree(".dvc/cache")
    for folder in ("made", "notes"):
        shutil.rmtree(folder)
    with ledger.opened() as book:
        assert set(work(book, *book.items).values()) == {"ran"}
    assert Path("dvc.lock").read_bytes() == theirs
    runs.assert_nothing_left_to_do(project)


def test_what_was_edited_while_an_item_ran_is_not_recorded_and_stays_out_of_date(project):
    toy.name("kite", "lamp", kite="dragon", limit=2)
    with ledger.opened() as book:
        work(book, "make@kite")
        for name in ("note@kite", "count"):
            assert book.prepare(name) is None and book.begin(name)
            subprocess.run(book.items[name].command, shell=True, check=True)
        Path("made/kite.txt").unlink()
        Path("made/kite.txt").write_text("another\n")
        with pytest.raises(UserError, match=r"note@kite: made/kite.txt was changed while it ran; .* Run again"):
            book.finish("note@kite")
        shutil.copy("notes/kite.txt", "made/kite.txt")
        toy.name("kite", "lamp", kite="dragon", limit=3)
        with pytest.raises(UserError, match=r"count: params.yaml.* was changed while it ran"):
            book.finish("count")
    with ledger.opened() as book:
        assert work(book, *book.items) == {
            "make@kite": CACHED,
            "note@kite": "ran",
            "make@lamp": CACHED,
            "note@lamp": CACHED,
            "count": "ran",
        }
    runs.assert_nothing_left_to_do(project)


def test_a_result_that_is_missing_is_told_and_nothing_is_recorded(project):
    toy.name("kite", "lamp", limit=2)
    before = Path("dvc.lock").read_bytes()
    with ledger.opened() as book:
        assert book.prepare("count") is None and book.begin("count")
        with pytest.raises(UserError, match=r"count\.txt"):
            book.finish("count")
        assert "count" not in book.finished
    assert Path("dvc.lock").read_bytes() == before


def test_several_records_are_written_at_once_and_a_kill_before_loses_none_that_can_be_restored(project):
    toy.name("kite", "lamp", kite="dragon", limit=2)
    before = Path("dvc.lock").read_bytes()
    with ledger.opened() as book:
        book._cost = 1e6  # as if writing took that long
        work(book, "make@kite", "note@kite", "count")
        during = Path("dvc.lock").read_bytes()
    after = Path("dvc.lock").read_bytes()
    assert during == before != after
    runs.assert_nothing_left_to_do(project)
    Path("dvc.lock").write_bytes(before)  # as a kill would have left it
    with ledger.opened() as book:
        assert work(book, "count") == {"count": RESTORED}


def test_all_that_was_finished_is_recorded_whatever_ends_the_run(project):
    toy.name("kite", "lamp", limit=2)
    with pytest.raises(ZeroDivisionError), ledger.opened() as book:
        book._cost = 1e6
        work(book, "count")
        raise ZeroDivisionError
    runs.assert_nothing_left_to_do(project)


def test_a_frozen_stage_stays_as_it_is_and_without_its_result_says_so(project):
    graph = Path("dvc.yaml").read_text().replace("  count:\n", "  count:\n    frozen: true\n")
    Path("dvc.yaml").write_text(graph)
    toy.name("kite", "lamp", kite="dragon")
    with ledger.opened() as book:
        went = work(book, *book.items)
        assert went["count"] == CACHED and went["make@kite"] == "ran"
    runs.assert_nothing_left_to_do(project)
    Path("count.txt").unlink()
    with ledger.opened() as book, pytest.raises(UserError, match=r"count\.txt"):
        book.prepare("count")


def test_what_we_work_on_other_dvc_commands_keep_off(project):
    toy.name("kite", "lamp", limit=2)
    command = ["dvc", "repro", "count"]
    with ledger.opened() as book:
        assert book.prepare("count") is None and book.begin("count")
        refused = subprocess.run(command, env=runs.environment(), capture_output=True, text=True)
        assert refused.returncode != 0 and "python -m pipeline run (count)" in refused.stderr
        book.abandon("count")
        assert subprocess.run(command, env=runs.environment(), capture_output=True).returncode == 0


def test_a_claim_that_a_killed_command_has_left_stands_in_nobodys_way(project):
    toy.name("kite", "lamp", limit=2)
    dead = subprocess.Popen(["true"])
    dead.wait()
    info = {"pid": dead.pid, "cmd": "dvc repro"}
    paths = [str(project / path) for path in ("count.txt", "made/kite.txt")]
    Path(".dvc/tmp/rwlock").write_text(json.dumps({"write": {paths[0]: info}, "read": {paths[1]: [info]}}))
    with ledger.opened() as book:
        assert work(book, *book.items)["count"] == "ran"
    runs.assert_nothing_left_to_do(project)


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """A `dvc repro` at work on the only item, until "go" is marked."""
    folder = runs.lay_out(tmp_path / "project", kite='wait_for("go")')
    monkeypatch.chdir(folder)
    process = runs.begin(folder, "dvc", "repro")
    process.folder = folder
    runs.eventually(lambda: runs.noted(folder, "begins"))
    yield process
    runs.mark(folder, "go")
    assert runs.ended(process) == 0, process.said()


def test_another_dvc_at_work_on_an_item_is_waited_for_with_a_line_that_says_who(theirs, capsys):
    with ledger.opened() as book:
        assert book.prepare("kite") is None
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(book.begin("kite")))
        waiting.start()
        said = runs.eventually(lambda: capsys.readouterr().out)
        assert said.startswith("Waiting: ") and f"(PID {theirs.pid})" in said and said.count("\n") == 1
        assert answers == []
        runs.mark(theirs.folder, "go")
        waiting.join()
        assert answers == [False] and book.finished == {"kite"}
    assert runs.ended(theirs) == 0
    assert runs.ran(theirs.folder) == ["kite"]
    runs.assert_nothing_left_to_do(theirs.folder)


def test_who_waits_for_another_dvc_can_be_stopped(theirs):
    with ledger.opened() as book:
        assert book.prepare("kite") is None
        book.stop()
        with pytest.raises(UserError, match="stopped before it began"):
            book.begin("kite")
        book.abandon("kite")


def test_the_parts_of_dvc_that_are_used_are_still_as_they_were():
    """Where this fails after an update of DVC, read pipeline/ledger.py beside dvc/repo/reproduce.py and dvc/stage."""
    from dvc.dvcfile import ProjectFile
    from dvc.rwlock import rwlock
    from dvc.stage import PipelineStage, Stage
    from dvc.stage.cache import StageCache

    def takes(function):
        return list(inspect.signature(inspect.unwrap(function)).parameters)

    assert takes(rwlock) == ["tmp_dir", "fs", "cmd", "read", "write", "hardlink"]
    assert takes(Stage.changed) == ["self", "allow_missing", "upstream"]
    assert takes(Stage.remove_outs) == ["self", "ignore_remove", "force"]
    assert takes(Stage.save) == ["self", "allow_missing", "run_cache"]
    assert takes(Stage.save_deps) == ["self", "allow_missing"]
    assert takes(Stage.commit) == ["self", "allow_missing", "filter_info", "kwargs"]
    assert takes(PipelineStage.reload) == ["self"]
    assert takes(StageCache.restore) == ["self", "stage", "run_cache", "pull", "dry"]
    assert takes(ProjectFile.dump_stages) == ["self", "stages", "update_pipeline", "update_lock", "kwargs"]
