"""Pictures with captions as a record; what lists of them promise is asked in tests/stages/benchmarks."""

from pathlib import Path

import pytest

from stages.common.captioned import CaptionListing, Captions, listing
from stages.common.failures import UserError
from stages.common.faults import Fault

PICTURES = (Path("0.png"), Path("1.png"))


@pytest.mark.parametrize("owners", [(0, 1), (0, 1, 2), (0, 0, 0), (1, 1, -1)])
def test_a_record_whose_captions_and_pictures_do_not_fit_cannot_be_made(owners):
    with pytest.raises(AssertionError):
        Captions("told", PICTURES, ("a", "b", "c"), owners)


def test_a_listing_of_nothing_is_refused_with_what_is_wrong():
    with pytest.raises(UserError, match=r"photos holds no picture .* wrong there: 0.png \(it is missing\)\."):
        CaptionListing(Path("photos"), "told", {}, [Fault("0.png", "it is missing")])
    with pytest.raises(UserError, match="its list names none"):
        listing(Path("photos"), "told", Path("photos"), {})
