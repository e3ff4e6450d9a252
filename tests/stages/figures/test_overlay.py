"""An overlay: panels of one size, outlines on the borders, colour where a map is high."""

import numpy as np
import pytest

from stages.figures.overlay import FOUND, GAP, SIDE, TRUE, _shown, draw


def parts(height, width, n=2):
    """A grey picture, a true mask in its middle, n maps that grow from left to right, n empty masks."""
    truth = np.zeros((height, width), bool)
    truth[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    ramp = np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (n, height, width))
    return np.full((height, width, 3), 120, np.uint8), truth, ramp, np.zeros((n, height, width), bool)


def panels(strip, n=3):
    pixels = np.asarray(strip)
    width = (pixels.shape[1] + GAP) // n - GAP
    return [pixels[:, k * (width + GAP) : k * (width + GAP) + width] for k in range(n)]


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (84, 84, (SIDE, SIDE)),
        (84, 168, (SIDE, SIDE // 2)),
        (1024, 512, (SIDE // 2, SIDE)),
        (2, 3, (SIDE, 112)),
        (1, 1, (SIDE, SIDE)),
        (1000, 2, (1, SIDE)),
    ],
    ids=["square", "wide", "tall and large", "tiny", "one pixel", "a thread"],
)
def test_the_longer_side_of_a_panel_is_always_the_same(height, width, size):
    strip = draw(*parts(height, width))
    assert strip.size == (3 * size[0] + 2 * GAP, size[1]) and strip.mode == "RGB"


def test_between_panels_there_is_white():
    pixels = np.asarray(draw(*parts(84, 84)))
    for begin in (SIDE, 2 * SIDE + GAP):
        assert (pixels[:, begin : begin + GAP] == 255).all()


def test_the_outline_of_the_object_is_white_two_pixels_wide_and_within_it():
    first, *_ = panels(draw(*parts(SIDE, SIDE)))
    inside = np.zeros((SIDE, SIDE), bool)
    inside[42:126, 42:126] = True
    border = inside.copy()
    border[44:124, 44:124] = False
    assert np.array_equal((first == TRUE).all(-1), border)
    assert (first[~border] == 120).all()


def test_what_was_found_is_outlined_over_that_in_each_panel_of_its_own():
    picture, truth, maps, masks = parts(SIDE, SIDE)
    masks[1, 60:80, 50:90] = True
    first, before, after = panels(draw(picture, truth, maps, masks))
    assert not (first == FOUND).all(-1).any() and not (before == FOUND).all(-1).any()
    rows, columns = np.nonzero((after == FOUND).all(-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (60, 79, 50, 89)
    assert len(rows) == 20 * 40 - 16 * 36
    for panel in (first, before, after):
        assert (panel[42, 42] == TRUE).all()


def test_a_mask_that_touches_the_edge_is_closed_there_and_a_whole_one_frames_the_picture():
    picture, truth, maps, masks = parts(SIDE, SIDE)
    masks[:] = True
    *_, after = panels(draw(picture, truth, maps, masks))
    assert (after[[0, 1, -1, -2]] == FOUND).all() and (after[:, [0, 1, -1, -2]] == FOUND).all()


def test_of_a_large_picture_the_outline_is_where_the_object_is():
    first, *_ = panels(draw(*parts(4 * SIDE, 4 * SIDE)))
    rows, columns = np.nonzero((first == TRUE).all(-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (42, 125, 42, 125)


def test_the_more_salient_a_place_the_more_it_is_coloured():
    _, panel, _ = panels(draw(*parts(SIDE, SIDE)))
    row = panel[10].astype(int)  # above the object
    warmth = row[:, 0] - row[:, 2]
    assert warmth[10] < warmth[SIDE // 2] < warmth[-10]
    assert abs(row[0] - 120 * (1 - 0.24)).max() <= 2  # black at its least


def test_a_coloured_picture_is_grey_under_its_map():
    picture, truth, maps, masks = parts(SIDE, SIDE)
    picture[...] = (200, 40, 90)
    first, under, _ = panels(draw(picture, np.zeros_like(truth), np.zeros_like(maps), masks))
    assert (first == (200, 40, 90)).all()
    assert under.max(-1).max() - under.min(-1).min() <= 3


def test_what_is_drawn_over_a_picture_leaves_the_picture_as_it_was():
    given = parts(SIDE, SIDE)
    before = [part.copy() for part in given]
    for part in given[:2]:
        part.flags.writeable = False
    draw(*given)
    assert all(np.array_equal(part, own) for part, own in zip(given, before, strict=True))


@pytest.mark.parametrize(("row", "column"), [(0, 0), (500, 301), (511, 513), (1021, 1021)])
def test_a_tiny_object_of_a_large_picture_keeps_an_outline(row, column):
    picture, truth, maps, masks = parts(1024, 1024)
    truth[:] = False
    truth[row : row + 3, column : column + 3] = True
    first, *_ = panels(draw(picture, truth, maps, masks))
    rows, columns = np.nonzero((first == TRUE).all(-1))
    assert 1 <= len(rows) <= 4
    assert abs(rows * 1024 / SIDE - row).max() < 9 and abs(columns * 1024 / SIDE - column).max() < 9


def test_a_mask_made_smaller_is_on_where_any_of_its_pixels_is():
    mask = np.random.default_rng(0).random((10, 7)) > 0.8
    small = _shown(mask, (3, 4))
    # 10 rows in 4 begin at 0, 2, 5 and 7, 7 columns in 3 at 0, 2 and 4
    rows, columns = ((0, 2), (2, 5), (5, 7), (7, 10)), ((0, 2), (2, 4), (4, 7))
    assert small.tolist() == [[bool(mask[a:b, c:d].any()) for c, d in columns] for a, b in rows]
