import re

import pytest

from stages.common import paths


def test_spaces_and_slashes_of_a_class_name_become_underscores() -> None:
    assert paths.slug("traffic light") == "traffic_light"
    assert paths.slug("T-shirt / top") == "T-shirt_top"
    assert paths.slug("../up") == "up"


@pytest.mark.parametrize("name", ["/", "", "???", "--", "_-_"])
def test_a_class_name_without_letters_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        paths.slug(name)


def test_names_that_give_one_folder_are_found_whatever_their_capitals_and_signs() -> None:
    assert paths.same_folder(["arch", "C++", "kite", "c"]) == ("C++", "c")
    assert paths.same_folder(["traffic light", "traffic_light"]) == ("traffic light", "traffic_light")
    assert paths.same_folder(["arch", "arch"]) == ("arch", "arch")
    assert paths.same_folder(["arch", "arches", "traffic light", "traffic-light"]) is None


def test_every_path_lies_inside_the_project() -> None:
    found = [
        paths.caption("k"),
        paths.lesson("r"),
        paths.inverted_images("r", "k", 0),
        paths.replay_images("r", "traffic light"),
        paths.checkpoints("r"),
        paths.rows("r"),
        paths.choice("r"),
        paths.before_after("r"),
        paths.answer("0"),
    ]
    assert not any(path.is_absolute() for path in found)
    assert len(set(found)) == len(found)
    assert str(found[2]) == "data/inverted/r/k/seed0"
