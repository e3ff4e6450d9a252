"""Activations in place of pixels: what is usual of them, the start that is drawn from it, and their files."""

import pytest
import torch

from stages.common import seeds
from stages.inversion import activations
from stages.inversion.activations import as_pictures, read_inverted, read_usual, usual, write_inverted, write_usual
from stages.inversion.settings import Settings


def dice(n):
    return [seeds.generator("test", i) for i in range(n)]


def test_channels_of_feature_maps_have_one_mean_and_deviation_for_all_places():
    maps = torch.tensor([[[[1.0, 3.0]], [[0.0, 0.0]]], [[[5.0, 7.0]], [[8.0, 0.0]]]])  # [2, 2, 1, 2]
    known = usual(maps)
    assert known.mean.tolist() == [[[4, 4]], [[2, 2]]]  # of 1 3 5 7, and of 0 0 8 0
    expected = torch.tensor([(9 + 1 + 1 + 9) / 3, (4 + 4 + 36 + 4) / 3]).sqrt()[:, None, None].expand(2, 1, 2)
    torch.testing.assert_close(known.deviation, expected)
    assert known.floor == 0


def test_each_token_has_a_mean_of_its_own():
    tokens = torch.tensor([[[1.0], [-4.0]], [[3.0], [-4.0]]])  # [2, 2, 1]
    known = usual(tokens)
    assert known.mean.tolist() == [[2], [-4]]
    torch.testing.assert_close(known.deviation, torch.tensor([[2**0.5], [1e-6]]))
    assert known.floor == -torch.inf


def test_many_draws_lie_around_the_usual_mean_and_never_below_the_floor():
    known = activations.Usual(torch.tensor([5.0, 0.0]), torch.tensor([0.5, 2.0]), torch.tensor(0.0))
    drawn = known.drawn(dice(2000))
    assert drawn.shape == (2000, 2) and drawn.min() == 0
    assert drawn[:, 0].mean() == pytest.approx(5, abs=0.02)
    assert drawn[:, 0].std() == pytest.approx(activations.SPREAD * 0.5, abs=0.02)
    assert (drawn[:, 1] == 0).float().mean() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(known.drawn(dice(3)), drawn[:3])


def test_a_step_of_the_leaf_is_counted_in_deviations():
    known = activations.Usual(torch.tensor([5.0, 0.0]), torch.tensor([0.5, 2.0]), torch.tensor(0.0))
    (leaf,) = known.start(0, Settings(), dice(1))
    before = known.images([leaf])
    torch.testing.assert_close(before, known.drawn(dice(1)))
    torch.testing.assert_close(known.images([leaf + 1]) - before, torch.tensor([[0.5, 2.0]]))
    assert known.gradients([leaf], before, torch.ones(1, 2), Settings())[0].tolist() == [[0.5, 2.0]]
    known.settle([leaf.sub_(100)])
    assert leaf.tolist() == [[0, 0]]


@pytest.mark.parametrize("shape", [(4, 8, 2, 2), (4, 17, 8), (4, 3, 8, 8)])
def test_what_was_inverted_comes_back_from_its_folder_with_a_picture_of_each(tmp_path, shape):
    inverted = torch.rand(shape, generator=seeds.generator("test"))
    is_pixels = shape[1] == 3
    inverted = (inverted * 255).round() / 255 if is_pixels else inverted * 7 - 3
    write_inverted(tmp_path, inverted)
    assert torch.equal(read_inverted(tmp_path), inverted)
    assert len(list(tmp_path.glob("0?.png"))) == 4
    assert (tmp_path / "activations.safetensors").exists() is not is_pixels


def test_what_is_usual_comes_back_from_its_folder(tmp_path):
    known = usual(torch.randn(5, 3, 4, generator=seeds.generator("test")))
    write_usual(tmp_path, known)
    assert all(torch.equal(value, vars(known)[name]) for name, value in vars(read_usual(tmp_path)).items())


def test_tokens_are_shown_as_the_square_of_their_patches():
    tokens = torch.zeros(1, 5, 2)
    tokens[0, 2] = torch.tensor([1.0, 3.0])  # the second patch, behind the class token
    assert as_pictures(tokens)[0, 0].tolist() == [[0, 1], [0, 0]]
    assert as_pictures(torch.zeros(2, 8, 1, 1)).shape == (2, 3, 1, 1)
