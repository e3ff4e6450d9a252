from PIL import Image

from stages.figures.gallery import SIDE, thumbnails


def test_photographs_shrink_and_small_pictures_stay_as_they_are():
    photograph, drawn = Image.new("RGB", (800, 400)), Image.new("RGB", (64, 64), (9, 8, 7))
    large, small = thumbnails([photograph, drawn])
    assert large.size == (SIDE, SIDE // 2) and photograph.size == (800, 400)
    assert small.size == (64, 64) and small.getpixel((5, 5)) == (9, 8, 7)


def test_transparent_and_grey_pictures_become_rgb():
    assert [picture.mode for picture in thumbnails([Image.new("RGBA", (4, 4)), Image.new("L", (4, 4))])] == ["RGB"] * 2
