"""What is asked of DVC, against real projects of it."""

from pathlib import Path

import pytest

from pipeline import dag, prune, status
from pipeline.dag import Stale
from pipeline.mistakes import UserError
from tests.pipeline import toy


def test_nothing_is_out_of_date_after_a_run(project):
    assert dag.plan() == ([], 5)
    assert status.lines([]) == ["All 5 items are up to date."]


def test_a_changed_param_is_told_with_all_that_follows_it_in_order(project):
    toy.name("kite", "lamp", kite="dragon")
    stale, n = dag.plan()
    assert n == 5
    assert stale[0] == Stale("make@kite", ("params.yaml: things.kite modified", "its command changed"), ())
    assert {item.name: (item.reasons, item.after) for item in stale[1:]} == {
        "note@kite": ((), ("make@kite",)),
        "count": ((), ("make@kite",)),
    }


def test_values_of_params_are_those_that_dvc_reads(project):
    from dvc.dependency import param
    from dvc.fs import localfs

    toy.name("kite", limit=3)
    asked = (localfs, "params.yaml", ["things.kite", "limit"]), (localfs, "params.yaml", ["things.kite.text", "none"])
    with dag.params_read_once():
        ours = [param.read_param_file(*one, flatten=True) for one in asked]
    assert ours == [param.read_param_file(*one, flatten=True) for one in asked]
    assert ours == [{"things.kite": {"text": "kite"}, "limit": 3}, {"things.kite.text": "kite"}]


def test_a_changed_file_and_a_missing_result_are_told(project):
    Path("notes/lamp.txt").unlink()
    Path("made/kite.txt").unlink()
    Path("made/kite.txt").write_text("by hand\n")
    reasons = {item.name: item.reasons for item in dag.plan()[0]}
    assert reasons["note@lamp"] == ("notes/lamp.txt deleted",)
    assert reasons["make@kite"] == ("made/kite.txt modified",)
    assert reasons["note@kite"] == ("made/kite.txt modified",)


def test_an_item_that_never_ran_says_so(project):
    toy.name("kite", "lamp", "bell")
    assert {item.name: item.reasons for item in dag.plan()[0]} == {
        "make@bell": ("never ran",),
        "note@bell": ("never ran",),
        "count": (),
    }


def test_targets_are_looked_at_with_what_they_need_alone(project):
    toy.name("kite", "lamp", limit=2, kite="dragon", lamp="torch")
    assert [item.name for item in dag.plan(["note@kite"])[0]] == ["make@kite", "note@kite"]
    assert dag.plan(["make"])[1] == 2


def test_an_unknown_target_names_the_nearest(project):
    with pytest.raises(UserError, match=r"no stage or item 'make@kit'. Did you mean 'make@kite'\?"):
        dag.plan(["make@kit"])


def test_the_lines_say_which_and_why_and_count(project):
    toy.name("kite", "lamp", limit=2)
    assert status.lines([]) == ["count  params.yaml: limit modified", "", "1 of 5 items are out of date."]
    toy.name("kite", "lamp", kite="dragon")
    assert any(line.startswith("note@kite  follows make@kite") for line in status.lines([]))
    assert status.lines([])[-1].endswith("stays as it is where they come out as they were.")


def test_a_lock_cut_in_half_is_told_with_the_way_back(project):
    content = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(content[: len(content) // 2 + 3])
    with pytest.raises(UserError, match=r"dvc\.lock.*`git checkout dvc.lock`"):
        dag.plan()


def test_outside_of_a_repository_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="not inside"):
        dag.plan()


def test_prune_finds_nothing_where_all_is_named(project):
    assert prune.main(is_sure=True) == ["params.yaml names all that is there: nothing to remove."]


def test_prune_shows_and_removes_results_and_entries_of_what_is_gone(project, capsys):
    toy.name("lamp")
    toy.dvc("repro", "--quiet", "count")  # the graph without the kite
    assert prune.main(is_sure=True) == ["Removed 2 results and 2 entries of dvc.lock."]
    assert capsys.readouterr().out.splitlines()[1:] == ["make@kite: made/kite.txt", "note@kite: notes/kite.txt"]
    assert not Path("made/kite.txt").exists() and not Path("notes/kite.txt").exists()
    assert Path("made/lamp.txt").exists() and Path("notes/lamp.txt").exists()
    assert dag.leftovers() == []
    assert [item.name for item in dag.plan()[0]] == ["count"]  # it counts what lies in the folder


def test_what_was_edited_by_hand_is_never_removed(project, capsys):
    Path("notes/kite.txt").write_text("mine\n")
    toy.name("lamp")
    prune.main(is_sure=True)
    assert "notes/kite.txt (edited by hand: stays)" in capsys.readouterr().out
    assert Path("notes/kite.txt").read_text() == "mine\n"


def test_without_a_yes_nothing_is_removed(project):
    before = Path("dvc.lock").read_text()
    toy.name("lamp")
    assert prune.main(is_sure=False) == ["Nothing was removed. `python -m pipeline prune --yes` removes it."]
    assert Path("made/kite.txt").exists() and Path("dvc.lock").read_text() == before


def test_what_was_pruned_is_restored_when_it_is_written_back(project):
    toy.name("lamp")
    prune.main(is_sure=True)
    toy.name("kite", "lamp")
    assert "Running stage 'make@kite'" not in toy.dvc("repro")
    assert Path("made/kite.txt").read_text() == "kite\n"
