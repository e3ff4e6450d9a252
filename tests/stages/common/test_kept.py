"""Fingerprints: the same facts and files give the same mark, any change another."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from stages.common import kept


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one module, made_up.py, and the process's own `__main__`, verb.py."""
    monkeypatch.setattr(kept, "__file__", str(tmp_path / "common" / "kept.py"))
    for name, file in (("stages.made_up", "made_up.py"), ("__main__", "verb.py")):
        (tmp_path / file).write_text("first")
        module = ModuleType(name)
        module.__file__ = str(tmp_path / file)
        monkeypatch.setitem(sys.modules, name, module)
    kept.computing.cache_clear()
    yield tmp_path
    kept.computing.cache_clear()


def test_the_same_facts_give_the_same_mark_and_others_another(project):
    marks = {kept.fingerprint({"steps": 5}, ["a", "b"], 0) for _ in range(3)}
    assert len(marks) == 1
    assert kept.fingerprint({"steps": 5}, ["a", "b"], 1) not in marks
    assert kept.fingerprint({"steps": 5}, ["ab"], 0) not in marks


@pytest.mark.parametrize("file", ["made_up.py", "verb.py"])
def test_an_edit_of_a_loaded_file_gives_another_mark(project, file):
    before = kept.fingerprint("fact")
    (project / file).write_text("second")
    assert kept.fingerprint("fact") == before, "this process has loaded the first"
    kept.computing.cache_clear()
    assert kept.fingerprint("fact") != before


def test_a_file_that_nothing_loaded_changes_no_mark(project):
    before = kept.fingerprint("fact")
    (project / "other.py").write_text("new")
    kept.computing.cache_clear()
    assert kept.fingerprint("fact") == before


@pytest.mark.parametrize("folder", kept.SHOWING)
def test_a_file_that_shows_what_was_computed_changes_no_mark(project, monkeypatch, folder):
    before = kept.fingerprint("fact")
    (project / folder).mkdir()
    file = project / folder / "drawn.py"
    module = ModuleType(f"stages.{folder}.drawn")
    module.__file__ = str(file)
    file.write_text("first")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert kept.fingerprint("fact") == before


def test_the_mark_does_not_depend_on_where_the_project_lies(project, tmp_path_factory, monkeypatch):
    before = kept.fingerprint("fact")
    kept.computing.cache_clear()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(kept, "__file__", str(elsewhere / "common" / "kept.py"))
    for name in ("stages.made_up", "__main__"):
        file = elsewhere / Path(sys.modules[name].__file__).name
        file.write_text("first")
        monkeypatch.setattr(sys.modules[name], "__file__", str(file))
    assert kept.fingerprint("fact") == before


def test_a_folders_digest_knows_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    before = kept.digest(tmp_path)
    assert kept.digest(tmp_path) == before
    (tmp_path / "b").write_text("3")
    changed = kept.digest(tmp_path)
    (tmp_path / "b").write_text("2")
    (tmp_path / "b").rename(tmp_path / "c")
    assert len({before, changed, kept.digest(tmp_path)}) == 3


def test_a_files_digest_is_that_of_its_content(tmp_path):
    for name, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(text)
    assert kept.digest(tmp_path / "a") == kept.digest(tmp_path / "b") != kept.digest(tmp_path / "c")
