"""The file of captions: what was written comes back, also nothing at all."""

import pandas as pd

from stages.common.caption_rows import COLUMNS, read_captions, write_captions


def test_a_caption_comes_back_as_it_was_whatever_it_says(tmp_path):
    said = ['a "kite", red', "", "None", "NA\nnew line"]
    own = {"references": '["a"]', "setting": "name", "recipe": None, "learning_rate": None, "seed": None}
    lines = [
        {"picture": f"{n}.png", **own, "caption": text, "cider": 0.5, "meteor": None} for n, text in enumerate(said)
    ]
    write_captions(tmp_path / "captions.csv", lines)
    table = read_captions(tmp_path / "captions.csv")
    assert table["caption"].tolist() == said and tuple(table.columns) == COLUMNS
    assert table["cider"].tolist() == [0.5] * 4 and table["meteor"].isna().all() and pd.isna(table["seed"][0])


def test_a_run_without_captions_has_a_header_alone(tmp_path):
    write_captions(tmp_path / "captions.csv", [])
    assert (tmp_path / "captions.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert read_captions(tmp_path / "captions.csv").empty
