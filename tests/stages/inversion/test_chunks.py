"""Chunks of a run, worked by hand."""

from types import SimpleNamespace

import pytest

from stages.common.entries import INVERSION
from stages.inversion.chunks import REPLAY_CHUNK, chunks

KNOWN = {f"class {n}": f"thing number {n}" for n in range(20)}
MOONGATE, TONOMETER = ({"key": key, "name": key, "description": f"looks of {key}"} for key in ("moongate", "tonometer"))


def planned(concepts, *, replay_images=0, controls=()):
    run = SimpleNamespace(seeds=(0, 1), replay_images=replay_images, controls=controls, images_from=INVERSION)
    return chunks(run, concepts, KNOWN, 3)


def test_each_concept_and_seed_is_a_chunk_of_its_own():
    plan = planned([MOONGATE, TONOMETER])
    assert [chunk.label for chunk in plan] == [f"{key}, seed {n}" for key in ("moongate", "tonometer") for n in (0, 1)]
    assert (plan[1].descriptions, plan[1].folders, plan[1].seed) == (
        ("looks of moongate",) * 3,
        ("moongate/seed1",) * 3,
        1,
    )
    assert all(chunk.shows_curve for chunk in plan)


def test_every_known_class_is_replayed_once_in_chunks_that_are_not_too_large():
    plan = planned([MOONGATE], replay_images=3)[2:]
    texts = [text for chunk in plan for text in chunk.descriptions]
    assert texts == [text for text in KNOWN.values() for _ in range(3)]
    assert max(len(chunk.descriptions) for chunk in plan) <= REPLAY_CHUNK
    assert plan[0].folders[:4] == ("replay/class_0",) * 3 + ("replay/class_1",)
    assert {(chunk.seed, chunk.shows_curve) for chunk in plan} == {(0, False)}


@pytest.mark.parametrize(
    ("concepts", "controls", "decoys"),
    [
        ([MOONGATE], ("wrong_description",), 2),
        ([MOONGATE], ("noise",), 0),
        ([MOONGATE, TONOMETER], ("wrong_description",), 0),
    ],
    ids=["alone", "no such control", "together"],
)
def test_a_concept_alone_that_is_described_wrongly_has_a_known_class_as_decoy(concepts, controls, decoys):
    found = [chunk for chunk in planned(concepts, controls=controls) if chunk.label.startswith("decoy")]
    assert [chunk.descriptions for chunk in found] == [("thing number 10",) * 3] * decoys
