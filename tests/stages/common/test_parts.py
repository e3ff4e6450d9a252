"""parts: an unknown part is told from one that a model has not."""

import pytest

from stages.common.failures import UserError
from stages.common.parts import PARTS, known_part


def test_a_part_that_a_model_has_is_given_back():
    assert known_part("head", PARTS) == "head"


def test_a_part_that_no_model_has_is_told_with_the_nearest():
    with pytest.raises(UserError, match="no part 'decodr'. Did you mean 'decoder'"):
        known_part("decodr", ("head", "both"))


def test_a_part_that_this_model_has_not_is_told_with_those_that_it_has():
    with pytest.raises(UserError, match="^decoder: this architecture has none. It has: head, both.$"):
        known_part("decoder", ("head", "both"))
