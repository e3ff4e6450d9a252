import re

import pytest

from pipeline import items
from pipeline.mistakes import UserError

GRAPH = """
stages:
  draw: {cmd: x}
  describe: {foreach: "${concepts}", do: {cmd: x}}
  invert: {foreach: "${runs}", do: {cmd: x}}
"""
PARAMS = "concepts: {moongate: 1}\nruns: {world-moongate: 1, world-together: 2}\n"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    (tmp_path / "dvc.yaml").write_text(GRAPH)
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("verb", "keys"), [("draw", []), ("describe", ["moongate"]), ("invert", ["world-moongate", "world-together"])]
)
def test_what_the_graph_names_is_accepted(verb, keys):
    items.check(verb, keys)


@pytest.mark.parametrize(
    ("verb", "keys", "message"),
    [
        ("invrt", [], "dvc.yaml has no stage 'invrt'. Did you mean 'invert'? It has: describe, draw, invert."),
        ("invert", ["world-moonget"], "no 'world-moonget'. Did you mean 'world-moongate'?"),
        ("invert", ["moongate"], "no 'moongate'."),
        ("invert", [], "stage invert needs a key. params.yaml has: world-moongate, world-together."),
        ("draw", ["moongate"], "stage draw takes no key, but got 'moongate'."),
    ],
)
def test_what_it_does_not_name_is_refused_with_the_nearest(verb, keys, message):
    with pytest.raises(UserError, match=re.escape(message)):
        items.check(verb, keys)


def test_the_runs_among_items_are_the_keys_of_stages_that_go_over_runs():
    names = ["draw", "describe@moongate", "invert@world-together", "invert@world-moongate"]
    assert items.keys_among(names, "runs") == ["world-together", "world-moongate"]
    assert items.keys_among(names, "concepts") == ["moongate"]
    assert items.keys_among(["draw"], "runs") == []


def test_outside_the_repository_the_message_says_so(root):
    (root / "dvc.yaml").unlink()
    with pytest.raises(UserError, match="run this in the root of the repository"):
        items.check("draw", [])


def test_a_params_file_that_is_no_yaml_is_refused_with_its_line(root):
    (root / "params.yaml").write_text("runs:\n  a: [1\n  b: 2\n")
    with pytest.raises(UserError, match=r"^params.yaml, line \d: [^\n]+$"):
        items.check("invert", ["a"])
