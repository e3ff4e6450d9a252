"""What is shown of stages, as it goes to the server."""

import base64
import io
import json
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from pipeline import artifacts
from pipeline.board import Board
from pipeline.ledger import Item
from tests.pipeline.stand_ins import listening

RUN, TASK = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def shown_by(act):
    """What the server is asked while `act(board)` runs: the artifacts in their order, then what changed."""
    with listening(['{"id": "theirs"}'] * 100) as (url, asked):
        board = Board(url, RUN)
        act(board)
        board.close()
    return [json.loads(content) for _, _, content in asked]


def item(name, *needs, **hints):
    return Item(name, name.partition("@")[0], needs, "true", hints=hints)


def test_pictures_tables_and_texts_are_shown_as_such_and_what_is_not_there_is_left_out():
    Image.new("P", (1024, 256)).save("b.png")
    Path("a.csv").write_text('n,text\n1,"a, b"\n')
    Path("c.md").write_text("# Ä\n", encoding="utf-8")
    shows = item("x", show=["*.md", "*.csv", "b.png", "missing/*.png"])
    text, table, picture = shown_by(lambda board: artifacts.of_item(board, shows, TASK))
    assert (text["type"], text["key"], text["data"]) == ("markdown", "c-md", "# Ä\n")
    assert (table["type"], json.loads(table["data"])) == ("table", [{"n": "1", "text": "a, b"}])
    kind, _, data = picture["data"].partition(",")
    assert (picture["type"], kind) == ("image", "data:image/png;base64")
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (512, 128)
    assert {one["task_run_id"] for one in (text, table, picture)} == {str(TASK)}


def test_a_long_table_is_cut():
    Path("a.csv").write_text("n\n" + "".join(f"{i}\n" for i in range(1000)))
    (table,) = shown_by(lambda board: artifacts.of_item(board, item("x", show=["a.csv"]), TASK))
    assert len(json.loads(table["data"])) == artifacts.ROWS


def test_a_file_that_cannot_be_shown_costs_a_line_and_the_others_are(capsys):
    Path("a.png").write_text("no picture")
    Path("b.md").write_bytes(b"\xff")
    Path("c.jpg").touch()
    Path("d.md").write_text("text")
    (text,) = shown_by(lambda board: artifacts.of_item(board, item("x", show=["*.*"]), TASK))
    assert text["key"] == "d-md"
    assert [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()] == ["a.png", "b.md", "c.jpg"]


def test_the_shares_in_a_stage_s_lines_move_a_bar_that_ends_full(monkeypatch):
    monkeypatch.setattr(artifacts, "SECONDS_BETWEEN_UPDATES", 0.0)

    def act(board):
        with artifacts.progress(board, "invert@world-moongate", TASK) as hear:
            for line in ("loads", "x: 5 of 10 (50%), 3 s left", "similarity 0.9 (good)", "x: 9 of 10 (90%)"):
                hear(line)

    made, *changes = shown_by(act)
    assert (made["type"], made["key"], made["data"]) == ("progress", "progress-of-invert-world-moongate", 0.0)
    assert [change["data"] for change in changes] == [50.0, 90.0, 100.0]


def test_lines_that_come_fast_are_not_all_sent_and_a_stage_without_shares_has_no_bar():
    def act(board):
        with artifacts.progress(board, "x", TASK) as hear:
            for i in range(100):
                hear(f"({i}%)")
        with artifacts.progress(board, "y", TASK) as hear:
            hear("nothing of the kind")

    made, *changes = shown_by(act)
    assert made["key"] == "progress-of-x"
    assert len(changes) < 50 and changes[-1]["data"] == 100.0


GRAPH = {one.name: one for one in (item("draw"), item("invert@a", "draw"), item("invert@b", "draw", "elsewhere"))}


def test_the_graph_in_mermaid_is_the_one_drawn_by_hand():
    outcomes = {"draw": ("Cached", ""), "invert@a": ("Failed", ""), "invert@b": ("Failed", "")}
    assert artifacts.mermaid(GRAPH, outcomes).splitlines() == [
        "flowchart TD",
        '  n0["draw"]',
        '  n1["invert@a"]',
        '  n2["invert@b"]',
        "  n0 --> n1",
        "  n0 --> n2",
        "  classDef Cached fill:#9aa7b5,color:#000",
        "  class n0 Cached",
        "  classDef Failed fill:#fb4e4e,color:#000",
        "  class n1,n2 Failed",
    ]


def test_the_run_shows_its_graph_a_table_of_what_was_looked_at_and_its_last_items():
    Path("end.md").write_text("the end")
    Path("middle.md").write_text("not the end")
    items = {one.name: one for one in (item("a", show=["middle.md"]), item("b", "a", show=["end.md"]), item("c"))}
    graph, table, result = shown_by(lambda board: artifacts.of_run(board, items, {"a": ("Completed", "it ran")}))
    assert graph["data"].startswith("```mermaid\nflowchart TD\n") and graph["data"].endswith("\n```")
    assert json.loads(table["data"]) == [{"item": "a", "state": "Completed", "what happened": "it ran"}]
    assert (result["key"], result["data"]) == ("end-md", "the end")
    assert all("task_run_id" not in one for one in (graph, table, result))
