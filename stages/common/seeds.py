"""Random numbers that depend on what they are for, never on the order of the work."""

import hashlib
import json

import torch


def number(*words: str | int | float) -> int:
    """An integer in [0, 2**63) from the SHA-256 of the words, for libraries that take a plain seed.

    The words are hashed as a JSON list, so that ("a", "bc") and ("ab", "c") differ.
    """
    digest = hashlib.sha256(json.dumps(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*words: str | int | float) -> torch.Generator:
    """A CPU generator for one purpose; its words say which: "invert", the concept, the seed, the image."""
    return torch.Generator().manual_seed(number(*words))
