"""How a run's captions are written: the fields of its `decoding`, checked without torch."""

from dataclasses import dataclass

from stages.common import checks, lookup

GROUPS = 3  # of beams, in the search that the published figures come from


@dataclass(frozen=True)
class Settings:
    """How sentences are written.

    Attributes:
        method: "greedy", the best token every time; "beam", the best sentence of several that are followed at once; or
            "published", the search that figures of open_clip's CoCa come from: a file of stages/decoders.
        beams: sentences that are followed at once; published follows a third of them three times. Greedy has none.
        min_length: tokens that a sentence has at least before its end, the start included.
        max_length: tokens that a sentence has at most, start and end included.

    Source: the defaults of open_clip's `generate`.
    """

    method: str = "beam"
    beams: int = 6
    min_length: int = 5
    max_length: int = 30

    def __post_init__(self) -> None:
        if self.beams < 1:
            raise ValueError(f"beams must be at least 1, but is {self.beams}")
        if not 1 <= self.min_length < self.max_length:
            raise ValueError(
                f"min_length must be at least 1 and below max_length, but they are {self.min_length} and "
                f"{self.max_length}"
            )
        if self.method == "published" and self.beams % GROUPS:
            raise ValueError(f"beams must be a multiple of {GROUPS} for method published, but is {self.beams}")


def settings_of(mapping: dict, where: str) -> Settings:
    """The `decoding:` of a run, checked.

    Raises:
        UserError: an unknown key, a wrong type, a value out of range, no such method.
    """
    chosen = checks.settings(Settings, mapping, where)
    lookup.check("stages.decoders", chosen.method, f"{where}.method")
    return chosen
