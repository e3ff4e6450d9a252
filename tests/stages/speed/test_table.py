import json

import pytest

from stages.speed.journey import Journey
from stages.speed.steps import Pace, Row
from stages.speed.table import Machine, as_json, markdown

MACHINE = Machine("a processor", "2.0", 2, "float32")
STEPS = {"ViT": 50}


def row(way, images, step_s, operations=10**12, peak_bytes=1_900_000_000):
    pace = Pace(4, 4 * step_s + 3, [(4, 4 * step_s)] * 5)
    return Row("ViT", way, images, 13 if way == "reference" else 1, operations, pace, (1e12, 1.25e12), peak_bytes)


ROWS = [row("ours", 10, 2.0), row("ours", 64, 10.0, peak_bytes=None), row("reference", 1, 2.5)]
JOURNEYS = [Journey("ViT", 0, 10, 50, 0.5, 3.0, 100.0, 4.0, 1.0), Journey("ViT", 1, 10, 50, 0.25, 0.0, 90.0, 4.0, 1.0)]


def test_a_row_says_what_was_measured():
    """10 images in 2 s: 5 image-steps a second, 300 a minute, 6 images of 50 steps; the reference makes 0.4."""
    lines = markdown(MACHINE, ROWS, [], STEPS).splitlines()
    assert lines[0] == "a processor, torch 2.0, 2 threads, float32; limit 1 to 1.25 TFLOP/s."
    assert lines[4] == ("| ViT | ours | 10 | 1 | 2 s | 5 | 6 (50 steps) | 12.5 | 40 to 50 % | 3 s | 1.9 GB |")
    assert lines[5].endswith("| 16.0 | 8 to 10 % | 3 s | unknown |")
    assert lines[6] == "| ViT | reference | 1 | 13 | 2.5 s | 0.4 | 0.48 (50 steps) |  | 32 to 40 % | 3 s | 1.9 GB |"
    assert len(lines) == 7
    assert {line.count("|") for line in lines[2:]} == {12}


def test_without_the_reference_nothing_is_said_of_it():
    assert "|  |" in markdown(MACHINE, ROWS[:1], [], STEPS).splitlines()[4]


def test_a_journey_is_split_into_its_parts():
    lines = markdown(MACHINE, ROWS, JOURNEYS, STEPS).splitlines()
    assert lines[-2] == "| ViT, first | 10 | 50 | 500 ms | 3 s | 100 s | 4 s | 1 s | 108 s |"
    assert lines[-1] == "| ViT, again | 10 | 50 | 250 ms | 0 ms | 90 s | 4 s | 1 s | 95.2 s |"
    assert {line.count("|") for line in lines[-4:]} == {10}


def test_json_holds_the_same_and_the_raw_figures():
    found = json.loads(as_json(MACHINE, ROWS, JOURNEYS, STEPS))
    assert found["machine"] == {"device": "a processor", "torch": "2.0", "threads": 2, "precision": "float32"}
    first = found["steps"][0]
    assert first["pace"] == {"warm_steps": 4, "warm_s": 11.0, "parts": [[4, 8.0]] * 5}
    assert (first["step_s"], first["start_s"], first["images_a_minute"]) == (2.0, 3.0, 6.0)
    assert first["shares"] == [0.5, 0.4]
    assert [one["times_the_reference"] for one in found["steps"]] == pytest.approx([12.5, 16.0, None])
    assert [one["total_s"] for one in found["journeys"]] == [108.5, 95.25]
