import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline import dag, experiments
from pipeline.documents import read
from pipeline.mistakes import UserError
from stages.common import params as checked
from tests.pipeline.server import environment

ROOT = Path(__file__).resolve().parents[2]
FOLDER, SHIPPED = experiments.FOLDER, experiments.names()

PARAMS = """\
# What there is to teach.
concepts:
  moongate:
    name: moongate      # its name
    description: "a round opening"

shared:
  tiny: &tiny {family: clip, seeds: [0, 1]}

# Who learns what.
runs:
  # the first
  world-moongate:
    <<: *tiny
    concepts: [moongate]

# the end
"""
MORE = """\
# Two more concepts.
concepts:
  # a tower
  pagoda:
    name: pagoda
    description: >
      a tall tower

      with many roofs
  moongate:
    name: moongate
    description: "a round opening"

runs:
  world-pagoda: &pagoda
    <<: *tiny
    concepts: [pagoda]   # alone

  world-both:
    <<: *pagoda
    concepts: [pagoda, moongate]
"""


@pytest.fixture
def params(tmp_path, monkeypatch):
    """params.yaml in a folder of its own, with the experiment `more`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(experiments, "FOLDER", tmp_path / "experiments")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/more.yaml").write_text(MORE)
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return path


def content(path):
    return experiments.parse(path.read_text(), str(path))


def test_add_puts_in_what_is_missing_with_anchors_resolved(params):
    assert experiments.add("more") == ["concepts.pagoda", "runs.world-pagoda", "runs.world-both"]
    runs = content(params)["runs"]
    assert runs["world-both"] == {"family": "clip", "seeds": [0, 1], "concepts": ["pagoda", "moongate"]}
    assert content(params)["concepts"]["pagoda"]["description"] == "a tall tower\nwith many roofs\n"


def test_every_line_that_was_there_stays_and_comments_come_along(params):
    experiments.add("more")
    lines = iter(params.read_text().splitlines())
    assert all(line in lines for line in PARAMS.splitlines())  # in this order
    assert "  # a tower\n  pagoda:\n" in params.read_text()
    assert "concepts: [pagoda]   # alone\n" in params.read_text()


def test_adding_twice_adds_nothing(params):
    experiments.add("more")
    once = params.read_bytes()
    assert experiments.add("more") == []
    assert params.read_bytes() == once


def test_remove_after_add_gives_back_the_same_bytes(params):
    experiments.add("more")
    assert experiments.remove("more") == ["concepts.pagoda", "runs.world-pagoda", "runs.world-both"]
    assert params.read_text() == PARAMS


def test_many_entries_stand_in_their_order_and_are_taken_out_without_a_trace(params):
    entries = "".join(f"  thing{i}:\n    name: thing{i}   # the {i}th\n" for i in range(60))
    (params.parent / "experiments/many.yaml").write_text(f"# Many.\nconcepts:\n{entries}")
    assert experiments.add("many") == [f"concepts.thing{i}" for i in range(60)]
    assert entries in params.read_text()
    assert len(experiments.remove("many")) == 60
    assert params.read_text() == PARAMS


def test_line_ends_of_another_system_stay(params):
    params.write_text(PARAMS, newline="\r\n")
    experiments.add("more")
    assert params.read_bytes().count(b"\n") == params.read_bytes().count(b"\r\n") > PARAMS.count("\n")
    experiments.remove("more")
    assert params.read_bytes() == PARAMS.replace("\n", "\r\n").encode()


def test_remove_leaves_a_concept_that_another_run_teaches(params):
    experiments.add("more")
    params.write_text(params.read_text().replace("concepts: [moongate]", "concepts: [moongate, pagoda]"))
    assert "concepts.pagoda" not in experiments.remove("more")
    assert "pagoda" in content(params)["concepts"]


@pytest.mark.parametrize("change", [experiments.add, experiments.remove])
def test_an_entry_with_other_content_is_never_touched(params, change):
    experiments.add("more")
    params.write_text(params.read_text().replace("name: pagoda", "name: temple"))
    edited = params.read_bytes()
    with pytest.raises(UserError, match=r"params\.yaml: concepts\.pagoda differs from the one in more\.yaml"):
        change("more")
    assert params.read_bytes() == edited


def test_an_unknown_experiment_is_refused_with_the_nearest(params):
    with pytest.raises(UserError, match=r"no 'mroe'\. Did you mean 'more'\? It has: more\."):
        experiments.add("mroe")


@pytest.mark.parametrize(
    "text", ["concepts: {}\nruns: {}\n", "runs:\n    a:\n        concepts: []\nconcepts:\n    b: 1\n"]
)
def test_a_layout_that_cannot_be_edited_is_refused_and_left_alone(params, text):
    params.write_text(text + "shared:\n  tiny: &tiny {}\n")
    before = params.read_bytes()
    with pytest.raises(UserError, match=r"params\.yaml"):
        experiments.add("more")
    assert params.read_bytes() == before
    assert [path.name for path in params.parent.iterdir() if path.is_file()] == ["params.yaml"]


def test_an_anchor_that_params_does_not_have_is_told(params):
    params.write_text(PARAMS.replace("&tiny", "&small").replace("*tiny", "*small"))
    with pytest.raises(UserError, match="undefined alias 'tiny'"):
        experiments.add("more")


def test_a_last_line_without_end_does_not_swallow_the_first_new_one(params):
    params.write_text(PARAMS.split("\n# the end")[0].rstrip("\n"))
    experiments.add("more")
    assert set(content(params)["runs"]) == {"world-moongate", "world-pagoda", "world-both"}


EAST = """\
# A tower, and a kite above it.
#
# Needs: nothing but
# wind.
#
# Another word.
concepts:
  # from the east
  pagoda:
    name: pagoda
  kite:
    name: kite
runs:
  both:
    <<: *tiny
    concepts: [kite, pagoda]
  kite:
    <<: *tiny
    concepts: [kite]
"""
WEST = """\
# The tower again, laid out otherwise.
concepts:
  kite:
    name: kite
  lamp:
    name: lamp
  pagoda: {name: pagoda}   # as in east.yaml
runs:
  lamp:
    <<: *tiny
    concepts: [lamp, pagoda]
  both:
    family: clip
    seeds: [0, 1]
    concepts: [kite, pagoda]
"""
PART = "runs:\n  kite:\n    <<: *tiny\n    concepts: [kite]\n"  # of east.yaml


@pytest.fixture
def two(params):
    """The experiments `east` and `west`, which share a concept and a run, and `part`, all of which is in `east`."""
    for name, text in {"east": EAST, "west": WEST, "part": PART}.items():
        (params.parent / f"experiments/{name}.yaml").write_text(text)
    return params


def test_several_are_added_and_removed_at_once(two):
    added = experiments.add("east", "west", "east")
    assert added == ["concepts.pagoda", "concepts.kite", "runs.both", "runs.kite", "concepts.lamp", "runs.lamp"]
    assert sorted(experiments.remove("west", "east")) == sorted(added)
    assert two.read_text() == PARAMS


def test_several_are_added_all_or_none(two):
    two.write_text(before := PARAMS.replace("\nshared:", "  lamp:\n    name: torch\n\nshared:"))
    with pytest.raises(UserError, match=r"concepts\.lamp differs from the one in west\.yaml"):
        experiments.add("east", "west")
    assert two.read_text() == before


def test_several_are_removed_all_or_none(two):
    experiments.add("east", "west")
    two.write_text(before := two.read_text().replace("name: lamp", "name: torch"))
    with pytest.raises(UserError, match=r"concepts\.lamp differs from the one in west\.yaml"):
        experiments.remove("east", "west")
    assert two.read_text() == before


def test_what_two_share_stays_until_the_second_is_removed(two):
    experiments.add("east", "west")
    assert experiments.remove("east") == ["runs.kite"]
    left = experiments.remove("west")
    assert sorted(left) == ["concepts.kite", "concepts.lamp", "concepts.pagoda", "runs.both", "runs.lamp"]
    assert two.read_text() == PARAMS


@pytest.mark.parametrize("order", [("east", "west"), ("west", "east")])
@pytest.mark.parametrize("leave", [("east", "west"), ("west", "east")])
def test_two_that_share_give_back_the_same_bytes_in_any_order(two, order, leave):
    for name in order:
        experiments.add(name)
    experiments.remove(leave[0])
    assert experiments.add(leave[1]) == []  # all of it is there still
    experiments.remove(leave[1])
    assert two.read_text() == PARAMS


def test_one_that_is_a_part_of_another_does_not_hold_it_back(two):
    experiments.add("east")
    experiments.remove("east")
    assert two.read_text() == PARAMS


def test_each_is_listed_with_the_first_line_of_its_comment_and_what_it_needs(two):
    assert experiments.listed() == [
        "east  A tower, and a kite above it.",
        "      Needs: nothing but wind.",
        "more  Two more concepts.",
        "part",
        "west  The tower again, laid out otherwise.",
    ]


def test_an_experiment_of_comments_alone_adds_nothing(two):
    (two.parent / "experiments/part.yaml").write_text("# To come.\n")
    assert experiments.add("part") == []


# The experiments of this project, whichever there are.


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """This project's params.yaml and graph in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path / "params.yaml"


def test_there_are_experiments():
    assert "development" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_its_comment_begins_with_a_line_that_says_what_it_is(name):
    first = (FOLDER / f"{name}.yaml").read_text().splitlines()[0]
    assert first.startswith("# ") and len(first) > 20


@pytest.mark.parametrize("name", SHIPPED)
def test_each_makes_a_good_params_file_and_is_taken_out_without_a_trace(shipped, name):
    before = shipped.read_bytes()
    added = experiments.add(name)
    loaded = checked.load(shipped)
    assert added and all(entry.partition(".")[2] in loaded.concepts | loaded.runs for entry in added)
    assert experiments.remove(name) == added
    assert shipped.read_bytes() == before


@pytest.mark.parametrize("order", [SHIPPED, SHIPPED[::-1]])
def test_all_together_mean_what_each_means_alone_and_are_taken_out_without_a_trace(shipped, order):
    before = shipped.read_bytes()
    experiments.add(*order)  # compares each entry with what it is below params.yaml alone
    for name in SHIPPED:
        experiments.remove(name)
    assert shipped.read_bytes() == before


def test_dvc_has_the_graph_of_all_together(shipped):
    subprocess.run(["dvc", "init", "--quiet", "--no-scm"], env=environment(), check=True)
    experiments.add(*SHIPPED)
    with dag.opened() as repo:
        names = {stage.addressing for stage, _ in dag.ordered(repo, [])}
    params, graph = read(shipped), read(Path("dvc.yaml"))["stages"]
    over = {verb: stage["foreach"].strip("${}") for verb, stage in graph.items() if "foreach" in stage}
    each = {f"{verb}@{key}" for verb, section in over.items() for key in params[section]}
    assert names == each | (graph.keys() - over)
