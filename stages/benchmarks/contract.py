"""What a benchmark is: a file of this folder with `load`, which gives one record.

A benchmark's docstring is its page: what the pictures are, how they lie on disk, source and licence. `image_folder.py`
is found as `image_folder` in a run's `target_benchmark` or `retention_benchmark`; a new file needs no other place.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Benchmark:
    """Labelled pictures on disk; nothing is read into memory yet.

    Attributes:
        name: what rows and reports call it.
        task: the kind of question; "classification" is the one there is.
        class_names: K names as they go into a prompt, with spaces.
        paths: N pictures, in a fixed order.
        labels: N indices into class_names.
    """

    name: str
    task: str
    class_names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]

    def __post_init__(self) -> None:
        assert len(self.paths) == len(self.labels), (len(self.paths), len(self.labels))
        assert not self.labels or 0 <= min(self.labels) <= max(self.labels) < len(self.class_names), self.labels


class Loader(Protocol):
    """The name a benchmark's module holds."""

    @staticmethod
    def load(root: Path, classes: list[str] | None) -> Benchmark:
        """Finds and checks the pictures under `root`.

        Args:
            root: the folder written in params.yaml, `target_data` or `retention_data`.
            classes: names (with spaces) to restrict to, in this order; None for all, sorted.

        Raises:
            UserError: pictures are missing or cannot be read; the message says which, and what to put where.
        """
        ...
