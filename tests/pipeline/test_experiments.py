import pytest

from pipeline import experiments
from pipeline.mistakes import UserError

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
