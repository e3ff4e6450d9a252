"""centre: the middle, and the same in every direction."""

import math

import torch

from stages.common.segmenting import Settings
from stages.saliency import centre
from stages.saliency.contract import enlarged


def test_the_maximum_lies_in_the_middle_and_all_sides_are_alike():
    bump = centre.bump()
    assert bump.shape == (15, 15) and bump.argmax() == 7 * 15 + 7 and bump[7, 7] == 1
    for other in (bump.T, bump.flip(0), bump.flip(1)):
        torch.testing.assert_close(other, bump)
    assert (bump[7, 1:8] > bump[7, :7]).all()


def test_a_quarter_of_the_side_from_the_middle_it_is_that_of_a_standard_deviation():
    """Half the side is two of them: exp(-2) at the middle of an edge, exp(-4) in a corner."""
    bump = centre.bump()
    torch.testing.assert_close(bump[7, 0].item(), math.exp(-2), rtol=1e-5, atol=0)
    torch.testing.assert_close(bump[0, 0].item(), math.exp(-4), rtol=1e-5, atol=0)


def test_it_is_the_same_whatever_is_shown_and_asked():
    maps = centre.maps(None, torch.rand(2, 3, 8, 8), torch.rand(2, 4), Settings(), [1, 2])
    assert torch.equal(maps[0], maps[1]) and torch.equal(maps[0], centre.bump())


def test_enlarged_to_a_wide_picture_it_stays_in_the_middle():
    large = enlarged(centre.bump().numpy(), 30, 90)
    row, column = divmod(large.argmax(), 90)
    assert row in (14, 15) and column in (42, 43, 44, 45, 46, 47) and large.min() == 0
