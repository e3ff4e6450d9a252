"""Which checkpoint is meant: the run's own choice where nothing is asked for, and a list of what there is otherwise."""

import json

import pytest

from stages.common import paths
from stages.common.failures import UserError
from stages.common.taught import lesson, pick

ENTRIES = [
    ("paper", "taught", 1e-4, 0),
    ("paper", "taught", 2e-4, 0),
    ("replay", "noise", 3e-4, 0),
    ("replay", "taught", 3e-4, 0),
    ("replay", "taught", 3e-4, 1),
    ("replay", "taught", 6e-4, 0),
]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def index(entries):
    keys = ("recipe", "setting", "learning_rate", "seed")
    rows = [{"file": "-".join(map(str, entry)), **dict(zip(keys, entry, strict=True))} for entry in entries]
    write(paths.checkpoints("r") / "index.json", rows)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    index(ENTRIES)
    write(paths.choice("r"), {"paper": {"learning_rate": 2e-4}, "replay": {"learning_rate": 3e-4}})


def test_by_itself_it_takes_replay_at_the_chosen_rate_and_the_first_seed():
    checkpoint = pick("r")
    assert (checkpoint.recipe, checkpoint.learning_rate, checkpoint.seed) == ("replay", 3e-4, 0)
    assert checkpoint.file == paths.checkpoints("r") / "replay-taught-0.0003-0"


def test_without_replay_it_takes_the_first_recipe():
    index(ENTRIES[:2])
    assert pick("r").recipe == "paper"
    assert pick("r").learning_rate == 2e-4


def test_what_is_asked_for_is_taken():
    assert pick("r", recipe="paper", learning_rate=1e-4).file.name == "paper-taught-0.0001-0"
    assert pick("r", seed=1).file.name == "replay-taught-0.0003-1"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"recipe": "papr"}, "Did you mean 'paper'"),
        ({"learning_rate": 1.0}, r"It has: \[0.0003, 0.0006\]"),
        ({"seed": 7}, r"no seed 7. It has: \[0, 1\]"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(asked, told):
    with pytest.raises(UserError, match=told):
        pick("r", **asked)


def test_an_untaught_run_names_the_command_that_teaches_it():
    with pytest.raises(UserError, match="dvc repro finetune@other"):
        pick("other")


def test_controls_alone_are_no_taught_model():
    index(ENTRIES[2:3])
    with pytest.raises(UserError, match="lists no taught model"):
        pick("r")


def test_a_rate_must_be_given_before_evaluation():
    paths.choice("r").unlink()
    with pytest.raises(UserError, match="dvc repro evaluate@r"):
        pick("r")
    assert pick("r", learning_rate=6e-4).learning_rate == 6e-4


def test_broken_json_is_told():
    paths.lesson("r").parent.mkdir(parents=True)
    paths.lesson("r").write_text("{")
    with pytest.raises(UserError, match="is no JSON"):
        lesson("r")
