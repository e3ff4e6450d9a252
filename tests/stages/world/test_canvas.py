"""The canvas: the mask is exactly what was drawn, the frame puts shapes where it says."""

import math
from random import Random

import numpy as np
import pytest
from PIL import Image

from stages.world.canvas import DRAWN_PX, IMAGE_PX, Canvas, Frame, arc, oval

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
SIZE = (DRAWN_PX, DRAWN_PX)
SQUARE = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]


def blank():
    return Canvas(Image.new("RGB", SIZE, BLACK))


def white(canvas):
    """Where the drawing is white."""
    return (np.asarray(canvas.picture) == 255).all(2)


def masked(canvas):
    return np.asarray(canvas.mask) == 255


DRAWINGS = {
    "a polygon": lambda c: c.polygon(SQUARE, WHITE),
    "a polygon with a border": lambda c: c.polygon(SQUARE, WHITE, WHITE, 0.2),
    "a border alone": lambda c: c.polygon(SQUARE, None, WHITE, 0.2),
    "a textured polygon": lambda c: c.polygon(SQUARE, Image.new("RGB", SIZE, WHITE)),
    "a line": lambda c: c.line([(-0.7, -0.2), (0.1, 0.6), (0.8, -0.9)], WHITE),
    "a rectangle": lambda c: c.rectangle(-0.3, -0.8, 0.4, 0.1, WHITE),
    "an ellipse": lambda c: c.ellipse((0.1, 0.1), 0.5, 0.3, WHITE),
    "a ring": lambda c: c.ring((0, 0), 0.6, 0.4, WHITE),
    "something beyond the edge": lambda c: c.ellipse((0.9, 0.9), 0.5, 0.5, WHITE),
}


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_the_mask_covers_exactly_the_pixels_drawn(draw):
    canvas = blank()
    canvas.frame = Frame(0.1, -0.05, 0.8, 0.4, 1.1)
    draw(canvas)
    assert 50 < masked(canvas).sum() < DRAWN_PX**2 / 2
    assert np.array_equal(masked(canvas), white(canvas))


def test_the_background_is_no_object():
    canvas = Canvas(Image.new("RGB", SIZE, WHITE))
    assert not masked(canvas).any()


def test_a_white_square_lies_where_the_frame_says():
    canvas = blank()
    canvas.polygon(SQUARE, WHITE)
    rows, columns = np.nonzero(white(canvas))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (24, 72, 24, 72)  # 96 px, corners included


def test_the_frame_moves_scales_turns_and_stretches():
    canvas = blank()
    canvas.frame = Frame(0.5, -0.25, 0.5, math.pi / 2, 2.0)
    (corner,) = canvas.to_pixels([(1, 0)])  # stretched to 2, turned to point down, halved
    assert corner == pytest.approx(((0.5 * 48) + 48, (-0.25 + 1) * 48 + 48))


def test_a_turn_keeps_the_rest_of_the_frame():
    canvas = blank()
    canvas.frame = Frame(0.1, 0.2, 0.3, 0.4, 0.5)
    canvas.turn(1.0)
    assert canvas.frame == Frame(0.1, 0.2, 0.3, 1.0, 0.5)


def test_a_placed_frame_lies_inside_the_picture():
    dice = Random(0)
    for _ in range(300):
        canvas = blank()
        canvas.place(dice, 0.6, 0.95)
        frame = canvas.frame
        assert 0.6 <= frame.scale <= 0.95
        assert max(abs(frame.x), abs(frame.y)) + frame.scale <= 0.95 + 1e-9


def test_the_finished_mask_is_true_where_the_object_covers_half_a_pixel():
    canvas = blank()
    canvas.mask.paste(255, (10, 10, 14, 13))  # two whole pixels, and the upper halves of the two below
    canvas.mask.putpixel((20, 20), 255)  # a quarter of one
    _, mask = canvas.finished(Random(0))
    expected = np.zeros((IMAGE_PX, IMAGE_PX), bool)
    expected[5, 5:7] = expected[6, 5:7] = True
    assert np.array_equal(mask, expected)


def test_a_finished_picture_differs_by_its_camera_alone():
    canvas = blank()
    canvas.polygon(SQUARE, WHITE)
    (first, mask), (again, _), (other, other_mask) = (canvas.finished(Random(seed)) for seed in (0, 0, 1))
    assert first.shape == (IMAGE_PX, IMAGE_PX, 3) and first.dtype == np.uint8 and mask.dtype == bool
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(mask, other_mask)


def test_an_oval_closes_and_an_arc_ends_where_it_is_told():
    points = oval((1, 2), 3, 4)
    assert points[0] == pytest.approx(points[-1])
    assert all(((x - 1) / 3) ** 2 + ((y - 2) / 4) ** 2 == pytest.approx(1) for x, y in points)
    ends = arc((0, 0), 2, 1, 0, math.pi / 2, n=5)
    assert len(ends) == 5
    assert ends[0] == pytest.approx((2, 0)) and ends[-1] == pytest.approx((0, 1))
