"""A contact sheet: every image at its place, white between them."""

import torch

from stages.common.contact_sheet import contact_sheet


def test_each_image_lies_at_its_row_and_column():
    levels = torch.arange(6.0).reshape(2, 3) / 10
    images = levels[:, :, None, None, None].expand(2, 3, 3, 4, 5)
    sheet = contact_sheet(images, gap=2)
    assert sheet.size == (3 * 5 + 2 * 2, 2 * 4 + 2)
    for row in range(2):
        for column in range(3):
            level = round((3 * row + column) / 10 * 255)
            for x, y in ((0, 0), (4, 3)):
                assert sheet.getpixel((column * 7 + x, row * 6 + y)) == (level,) * 3


def test_the_lines_between_are_white():
    sheet = contact_sheet(torch.zeros(2, 2, 3, 4, 4), gap=1)
    assert {sheet.getpixel((4, y)) for y in range(9)} == {(255, 255, 255)}
    assert {sheet.getpixel((x, 4)) for x in range(9)} == {(255, 255, 255)}
    assert sheet.getpixel((3, 3)) == sheet.getpixel((5, 5)) == (0, 0, 0)
