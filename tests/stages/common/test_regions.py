"""Connected parts, boxes and points of small masks."""

import numpy as np
import pytest

from stages.common.regions import box, largest, points


def drawn(*rows):
    """A mask of rows such as "..##"."""
    return np.array([[place == "#" for place in row] for row in rows])


def flooded(mask):
    """The connected parts of a mask as sets of places, in reading order of their first one: pixel by pixel."""
    left, parts = {(int(y), int(x)) for y, x in np.argwhere(mask)}, []
    for start in sorted(left):
        if start not in left:
            continue
        part, todo = set(), [start]
        while todo:
            y, x = todo.pop()
            if (y, x) in left:
                left.remove((y, x))
                part.add((y, x))
                todo += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        parts.append(part)
    return parts


MASK = drawn(
    "#....##",
    ".#...##",
    ".......",
    "####...",
    "......#",
)


def test_the_largest_part_alone_is_kept():
    assert (largest(MASK, 1) == drawn("." * 5 + "##", "." * 5 + "##", "." * 7, "." * 7, "." * 7)).all()


def test_pixels_that_touch_at_a_corner_belong_together_and_equals_go_in_reading_order():
    assert largest(MASK, 2).sum() == 8  # two of four pixels each
    assert (largest(MASK, 3) == MASK & ~drawn(*["." * 7] * 4, "......#")).all()
    assert (largest(MASK, 9) == MASK).all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_parts_are_those_of_a_flood_fill(n):
    generator = np.random.default_rng(n)
    for _ in range(20):
        mask = generator.random((11, 17)) < 0.35
        kept = sorted(flooded(mask), key=len, reverse=True)[:n]  # stable, so that equals stay in reading order
        assert {tuple(place) for place in np.argwhere(largest(mask, n)).tolist()} == set().union(*kept)


def test_an_empty_mask_has_no_parts_no_box_and_no_points():
    empty = np.zeros((4, 5), bool)
    assert largest(empty, 3).shape == (4, 5) and not largest(empty, 3).any()
    assert points(np.ones((4, 5)), empty, 3).shape == (0, 2)
    with pytest.raises(ValueError, match="empty"):
        box(empty)


def test_the_box_goes_around_all_parts_and_includes_its_last_pixels():
    assert box(drawn("....", ".#..", "...#")) == (1, 1, 3, 2)
    assert box(drawn("....", "..#.")) == (2, 1, 2, 1)
    assert box(np.ones((3, 5), bool)) == (0, 0, 4, 2)


def test_the_first_point_is_the_peak_within_the_mask():
    saliency = np.array([[9.0, 1.0, 3.0], [0.0, 2.0, 5.0]])
    assert points(saliency, drawn(".##", "###"), 1).tolist() == [[2, 1]]


def test_further_points_weigh_saliency_by_distance():
    saliency = np.array([[1.0, 0.5, 0.5, 0.5, 0.1]])  # distances 1 to 4: products .5, 1, 1.5, .4
    assert points(saliency, np.ones((1, 5), bool), 2).tolist() == [[0, 0], [3, 0]]
    assert points(saliency, np.ones((1, 5), bool), 3).tolist() == [[0, 0], [3, 0], [1, 0]]


def test_there_are_no_more_points_than_salient_places_and_none_comes_twice():
    saliency = np.array([[0.0, 0.4, 0.0, 0.2]])
    assert points(saliency, np.ones((1, 4), bool), 9).tolist() == [[1, 0], [3, 0]]
    flat = points(np.ones((3, 3)), np.ones((3, 3), bool), 99)
    assert sorted(map(tuple, flat.tolist())) == [(x, y) for x in range(3) for y in range(3)]
    assert len(points(np.zeros((3, 3)), np.ones((3, 3), bool), 2)) == 1  # where nothing is salient, the first place
