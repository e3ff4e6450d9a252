import pytest

from stages.common import paths


def test_spaces_and_slashes_of_a_class_name_become_underscores() -> None:
    assert paths.slug("traffic light") == "traffic_light"
    assert paths.slug("T-shirt / top") == "T-shirt_top"
    assert paths.slug("../up") == "up"


def test_a_class_name_without_letters_is_refused() -> None:
    with pytest.raises(ValueError, match="'/'"):
        paths.slug("/")


def test_every_path_lies_inside_the_project() -> None:
    found = [
        paths.caption("k"),
        paths.lesson("r"),
        paths.inverted_images("r", "k", 0),
        paths.replay_images("r", "traffic light"),
        paths.checkpoints("r"),
        paths.rows("r"),
        paths.choice("r"),
        paths.timings("invert", "r"),
        paths.answer("0"),
    ]
    assert not any(path.is_absolute() for path in found)
    assert len(set(found)) == len(found)
    assert str(found[2]) == "data/inverted/r/k/seed0"
