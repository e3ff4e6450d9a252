import torch

from stages.common.seeds import generator, number


def test_the_same_words_give_the_same_numbers() -> None:
    first, second = (torch.rand(4, generator=generator("invert", "moongate", 0)) for _ in range(2))
    assert torch.equal(first, second)


def test_other_words_give_other_numbers_even_where_their_letters_agree() -> None:
    assert len({number("a", "bc"), number("ab", "c"), number("a", "bc", 0), number("a", "bc", "0")}) == 4


def test_a_number_is_fixed_for_good_and_fits_a_seed() -> None:
    assert number("invert", 0) == 163_039_369_669_441_576
    assert all(0 <= number(word) < 2**63 for word in "abcdefgh")
