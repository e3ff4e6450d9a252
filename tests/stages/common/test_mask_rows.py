"""The file of masks: a column for each number, also where a model lacks some, or where there is no line."""

import csv

from stages.common.mask_rows import COLUMNS, write_mask_rows

OWN = {"picture": 'a "kite", red.png', "concept": "kite", "random_prompt": "arch", "setting": "name"}
MODEL = {"recipe": None, "learning_rate": None, "seed": None}


def read(path):
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def test_lines_come_back_with_a_column_for_every_number_of_any_of_them(tmp_path):
    path = tmp_path / "data" / "masks.csv"
    lines = [{**OWN, **MODEL, "dice": 0.5, "random_dice": 0.25}, {**OWN, "recipe": "replay", "dice": 1.0, "iou": 0.125}]
    write_mask_rows(path, lines)
    first, second = read(path)
    assert [*first] == [*COLUMNS, "dice", "random_dice", "iou"]
    assert first["picture"] == 'a "kite", red.png'
    assert (first["dice"], first["random_dice"], first["iou"], first["recipe"]) == ("0.5", "0.25", "", "")
    assert (second["dice"], second["random_dice"], second["iou"]) == ("1.0", "", "0.125")


def test_a_run_without_masks_has_a_header_alone(tmp_path):
    write_mask_rows(tmp_path / "masks.csv", [])
    assert (tmp_path / "masks.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_the_same_lines_give_the_same_bytes_which_end_as_on_unix(tmp_path):
    for name in "ab":
        write_mask_rows(tmp_path / name, [{**OWN, **MODEL, "dice": 0.5}])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert b"\r" not in (tmp_path / "a").read_bytes()
