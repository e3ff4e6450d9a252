"""Scores of pairs: those of the model, whatever the shards, and what a kill left is not computed again."""

import numpy as np
import pytest
import torch
from PIL import Image

from stages.common import paths, progress
from stages.common.images import Fit
from stages.common.pictures import Pictures
from stages.evaluation import pair_scores as module
from stages.evaluation.pair_scores import LEFT_OUT, Sheet, pair_scores
from stages.models import vilt
from tests.stages.models.tiny import run_for

COLUMNS = (("a cat", "the cat on a street"), ("two dogs",), ("a photo of a heart",))


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Five pictures, none of which has the shape of another; the working folder is empty."""
    monkeypatch.chdir(tmp_path)
    files = []
    for number in range(5):
        files.append(tmp_path / f"{number}.png")
        Image.effect_noise((40 + 9 * number, 40), 90).convert("RGB").save(files[-1])
    return Pictures(tuple(files), Fit(16, patch=8))


class Weighing:
    """A joint encoder whose score is the picture's width times the text's length, and which counts."""

    def __init__(self):
        self.seen, self.pairs, self.left = [], [], 99

    def image_tokens(self, images):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.seen.append(images.shape[-1])
        return images[:, :1, :1, :].sum(dim=3) * 0 + images.shape[-1]

    def scores(self, image_tokens, texts):
        self.pairs += [(int(image_tokens[0]), text) for text in texts]
        return image_tokens[:, :, 0] * torch.tensor([[float(len(text)) for text in texts]])


def sheet(pictures, columns=COLUMNS, mark="mark", allowed=None):
    return Sheet(pictures, columns, {mark: None}, "score it", allowed)


def scores(model, asked, processes=1):
    """Those of the model as it is."""
    (found,) = pair_scores(model, asked, processes)
    return found


def widths(pictures):
    return [image.shape[-1] for image in pictures.each(0, 5)]


def in_shards_of(monkeypatch, n, columns=COLUMNS):
    monkeypatch.setattr(module, "SHARD", n * sum(map(len, columns)))


def test_a_score_is_that_of_its_pair_and_of_several_prompts_their_mean(pictures):
    found = scores(Weighing(), sheet(pictures))
    assert found.dtype == np.float32
    lengths = [(5 + 19) / 2, 8, 18]
    assert found.tolist() == [[width * length for length in lengths] for width in widths(pictures)]
    assert widths(pictures) == [16, 16, 16, 24, 24]  # 16 times 40/40 ... 76/40, whole patches, at most 5/3 of 16


@pytest.mark.parametrize("n", [1, 2, 5, 100])
@pytest.mark.parametrize("processes", [1, 2])
def test_shards_and_processes_change_no_byte_and_all_is_the_models_own_similarity(
    pictures, tiny_models, monkeypatch, n, processes
):
    in_shards_of(monkeypatch, n)
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    model = vilt.load(run_for(tiny_models["vilt", "b32"], "vilt"))
    found = scores(model, sheet(pictures, mark=f"{n} {processes}"), processes)
    wanted = torch.cat([model.similarity(image, COLUMNS) for image in pictures.each(0, 5)]).numpy()
    assert found.std() > 0.1
    assert np.array_equal(found, wanted)
    files = sorted((paths.CACHE / "scored" / f"{n} {processes}").iterdir())
    assert [file.name for file in files] == [f"{begin:06d}.npy" for begin in range(0, 5, n)]


def test_what_a_kill_left_is_not_scored_again(pictures, monkeypatch):
    in_shards_of(monkeypatch, 2)
    whole = scores(Weighing(), sheet(pictures, mark="unbroken"))
    model = Weighing()
    model.left = 3  # it ends amid the second shard of two pictures
    with pytest.raises(KeyboardInterrupt):
        scores(model, sheet(pictures))
    assert [file.name for file in (paths.CACHE / "scored/mark").iterdir()] == ["000000.npy"]
    again = Weighing()
    assert np.array_equal(scores(again, sheet(pictures)), whole)
    assert again.seen == widths(pictures)[2:]


def test_a_shard_that_is_lost_is_the_only_one_scored_again(pictures, monkeypatch):
    in_shards_of(monkeypatch, 1)
    whole = scores(Weighing(), sheet(pictures))
    (paths.CACHE / "scored/mark/000003.npy").unlink()
    again = Weighing()
    assert np.array_equal(scores(again, sheet(pictures)), whole)
    assert again.seen == widths(pictures)[3:4]


def test_finished_scores_are_read_and_another_mark_has_its_own(pictures):
    first, second, third = Weighing(), Weighing(), Weighing()
    for model, mark in ((first, "mark"), (second, "mark"), (third, "other")):
        scores(model, sheet(pictures, mark=mark))
    assert [len(model.seen) for model in (first, second, third)] == [5, 0, 5]


def test_pairs_that_are_left_out_are_not_asked_and_count_as_farthest(pictures):
    allowed = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1]], bool)
    model, unfiltered = Weighing(), scores(Weighing(), sheet(pictures, mark="all"))
    found = scores(model, sheet(pictures, allowed=allowed))
    assert np.array_equal(found[allowed], unfiltered[allowed])
    assert (found[~allowed] == LEFT_OUT).all() and -np.inf == LEFT_OUT
    assert len(model.seen) == 4  # nothing is asked of the second picture
    assert len(model.pairs) == 3 + 1 + 4 + 1  # the first column has two prompts


def test_progress_tells_the_shards_done_and_the_time_left(pictures, monkeypatch, capsys):
    in_shards_of(monkeypatch, 2)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    scores(Weighing(), sheet(pictures))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("score it: 1 of 3 (33%), ") and lines[0].endswith(" left")


def test_a_shard_holds_about_as_many_pairs_as_it_should_and_at_least_a_picture(pictures):
    many = tuple((f"text {number}",) for number in range(module.SHARD + 1))
    scores(Weighing(), sheet(pictures, many))
    assert len(list((paths.CACHE / "scored/mark").iterdir())) == 5
    assert module.SHARD // 4 > 5  # of four prompts a shard has all
    scores(Weighing(), sheet(pictures, mark="few"))
    assert len(list((paths.CACHE / "scored/few").iterdir())) == 1


def tops(model, n):
    """Several states of the model's last layer and head."""
    state = model.state(list(model.parameters_of("last_stage")))
    return {f"state {i}": {name: value + 0.02 * i for name, value in state.items()} for i in range(n)}


@pytest.mark.parametrize("processes", [1, 2])
def test_several_states_have_the_scores_of_the_model_that_holds_each(pictures, tiny_models, monkeypatch, processes):
    in_shards_of(monkeypatch, 2)
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    model = vilt.load(run_for(tiny_models["vilt", "b32"], "vilt"))
    states = tops(model, 3)
    allowed = np.arange(15).reshape(5, 3) % 4 > 0
    together = pair_scores(model, Sheet(pictures, COLUMNS, states, "score it", allowed), processes)
    for found, (mark, state) in zip(together, states.items(), strict=True):
        model.load_state(state)
        assert np.array_equal(found, scores(model, sheet(pictures, mark=f"alone {mark}", allowed=allowed)))
    assert not np.array_equal(together[0], together[1]) and not np.array_equal(together[1], together[2])


def test_only_the_state_that_lacks_a_shard_is_scored_again(pictures, tiny_models, monkeypatch):
    in_shards_of(monkeypatch, 1)
    model = vilt.load(run_for(tiny_models["vilt", "b32"], "vilt"))
    asked, counts, ask = Sheet(pictures, COLUMNS, tops(model, 3), "score it"), [], vilt.Vilt.scores_of_each
    whole = pair_scores(model, asked, processes=1)
    (paths.CACHE / "scored/state 1/000003.npy").unlink()
    monkeypatch.setattr(
        vilt.Vilt, "scores_of_each", lambda *given: counts.append((given[1].shape[0], len(given[3]))) or ask(*given)
    )
    assert np.array_equal(pair_scores(model, asked, processes=1), whole)
    assert counts == [(1, 1)]
