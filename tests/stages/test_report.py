import dataclasses
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from stages import report
from stages.common import paths
from stages.common.caption_rows import write_captions
from stages.common.failures import UserError
from stages.common.params import Run
from stages.common.rows import write_rows
from stages.reporting import chapters
from tests.stages import reported_project
from tests.stages.made_up_rows import rows, table, with_captions, with_written, written_lines
from tests.stages.reported_project import RUNS, made_run


def make_project(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """The made-up project in a folder; gives the folder of its report."""
    patch.chdir(folder)
    everything = reported_project.build()
    patch.setattr(chapters, "lacking", lambda run, *more: [])
    patch.setattr(report.params, "load", lambda: everything)
    return folder / paths.REPORT


@pytest.fixture
def project(tmp_path, monkeypatch):
    return make_project(tmp_path, monkeypatch)


@pytest.fixture
def change(monkeypatch):
    """Gives a run of the project other fields, as an edit of params.yaml does."""

    def changed(key: str, **fields: object) -> None:
        everything = report.params.load()
        everything.runs[key] = dataclasses.replace(everything.runs[key], **fields)
        monkeypatch.setattr(report.params, "load", lambda: everything)

    return changed


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a report that tests only read."""
    with pytest.MonkeyPatch.context() as patch:
        folder = make_project(tmp_path_factory.mktemp("project"), patch)
        report.main()
    return folder


def test_the_page_asks_nothing_of_the_network(written):
    page = (written / "index.html").read_text()
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert addresses and all(address.startswith(("data:", "#")) for address in addresses)
    assert "http" not in page and "@import" not in page and "<script" not in page
    assert not re.search(r"url\((?!#)", page)


def test_the_same_rows_give_the_same_bytes(project):
    report.main()
    first = {file.name: file.read_bytes() for file in project.iterdir()}
    report.main()
    assert {file.name: file.read_bytes() for file in project.iterdir()} == first
    assert set(first) == {"index.html", "report.md", "rows.csv", "metrics.json", "tradeoff.png"}


def test_metrics_are_the_means_at_the_chosen_learning_rate(written):
    metrics = json.loads((written / "metrics.json").read_text())
    assert list(metrics) == ["alone", "together"]
    assert metrics["together"]["baseline"]["name"] == {"target": 0.1, "retention": 0.9, "called_new": 0.0}
    paper = {"target": 0.4, "retention": 0.88, "retention_loss": 0.02, "called_new": 0.01}
    found = metrics["together"]["paper"]
    assert {name: found[name] for name in paper} == paper
    assert found["learning_rate"] == 1e-4
    assert found["controls"]["noise"]["target"] == 0.2


def test_all_rows_of_all_runs_are_in_one_file_as_they_were(written):
    together = (written / "rows.csv").read_text().splitlines()
    own = [(written.parents[1] / paths.rows(run)).read_text().splitlines() for run in RUNS]
    assert together == [own[0][0], *own[0][1:], *own[1][1:]]
    assert len(pd.read_csv(written / "rows.csv")) == len(own[0]) + len(own[1]) - 2


def test_the_run_that_teaches_most_together_comes_first(written):
    page = (written / "index.html").read_text()
    assert "<h1>moongate and gyroscope, taught from text alone</h1>" in page
    assert page.index("together-tradeoff-") < page.index("alone-tradeoff-")


def test_page_and_text_show_the_same_means_and_what_did_not_work(project):
    write_rows(paths.rows("alone"), rows("alone", ["moongate"], controls={"noise": 1.0}))
    report.main()
    for name in ("index.html", "report.md"):
        text = (project / name).read_text()
        assert "the control “noise” reaches 100.0 %, no less than the taught model (95.0 %)" in text
        assert "The untouched model does better when it is prompted by the description" in text
    assert "| target accuracy | 20 | 10.0 | 80.0 | 70.0 | 40.0 (30.0 to 50.0) |" in (project / "report.md").read_text()


def test_a_description_is_text_and_never_markup(written):
    page = (written / "index.html").read_text()
    assert "a round gate of &lt;cut&gt; stone" in page and "<cut>" not in page


def test_the_gallery_shows_equal_images_of_two_runs_once_and_no_masks(written):
    page = (written / "index.html").read_text()
    assert "inverted from the text, together and alone" in page
    assert page.count('alt="real picture of moongate') == 1
    assert page.count('alt="inverted image of moongate') == 2
    assert "no real pictures" in page  # of the gyroscope


def test_the_report_says_that_replay_trains_on_the_prompt_it_is_tested_with(written):
    for name in ("index.html", "report.md"):
        text = (written / name).read_text()
        assert "The replay recipe is trained on the prompt “a photo of a NAME” as well" in text
        assert "can be disturbing" in text


def test_one_seed_and_no_controls_still_make_a_report(project):
    for run in RUNS:
        write_rows(paths.rows(run), rows(run, list(RUNS[run]), controls={}, seeds=1))
    report.main()
    assert "No control was run" in (project / "report.md").read_text()


def test_a_run_without_results_is_named_with_its_reason(project):
    paths.rows("alone").unlink()
    report.main()
    for name in ("index.html", "report.md"):
        text = (project / name).read_text()
        assert "Runs without results" in text
        assert f"{paths.rows('alone')} does not exist. `dvc repro evaluate@alone` makes it." in text


def test_what_was_asked_is_told_with_the_files_that_were_left_out(written):
    told = "Target: 20 pictures of 2 classes of rare (target_pictures), each asked among 5 names (a, b, c, d, e)"
    for name in ("index.html", "report.md"):
        text = " ".join((written / name).read_text().split())
        assert f"{told}, with “a photo of a NAME”." in text
        assert "1 fault of the data, none of which gives a picture: moongate/7.jpg (it is truncated)" in text


def test_a_run_that_names_a_table_stands_beside_the_paper(project, change):
    change("alone", paper={"table": "v1-1", "model": "ViT-B-32"})
    report.main()
    text = (project / "report.md").read_text()
    assert text.count("### Beside the paper") == 1
    assert "| Table 1 | moongate | untouched, by name | 0.0 | 10.0 | 10 | +10.0 |" in text
    assert "the difference is ours minus the paper’s" in text


def beside(page: str) -> list[str]:
    """What the report says of each table of the paper."""
    starts = ("Table ", "Version ")
    return [line for line in page.splitlines() if line.startswith(starts) and "ours minus the paper’s" in line]


def test_each_table_of_the_paper_has_words_of_its_own(project, change):
    full = {"table": "v2-9", "model": "ViT-B-32", "variant": "transfer, augmentation, tv 0.005"}
    change("alone", paper=({"table": "v1-1", "model": "ViT-B-32"}, full))
    report.main()
    first, second = beside((project / "report.md").read_text())
    assert first.startswith("Table 1: ") and "its learning rate was read off the same pictures." in first
    assert second.startswith("Version 2, Table 9: ") and "its learning rate is not stated; 2e-5 is inferred" in second


@pytest.mark.parametrize(
    ("paper", "said"),
    [
        ({"table": "v1-2", "model": "MedCLIP-ViT"}, "56 X-rays of lung cancer and 11 or 22 of benign nodules"),
        ({"table": "v1-3", "model": "ViT-B-32"}, "200 X-rays of each finding"),
    ],
    ids=["Table 2", "Table 3"],
)
def test_what_is_said_of_photographs_is_not_said_of_x_rays(project, change, paper, said):
    figures = [{**figure, "concept": "moongate"} for figure in chapters.compared(made(paper))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chapters, "compared", lambda run: tuple(figures) if run.key == "alone" else ())
        report.main()
    (words,) = beside((project / "report.md").read_text())
    assert said in words and "ImageNet" not in words and "10 or 19" not in words


def made(paper: dict) -> Run:
    return dataclasses.replace(made_run("alone"), paper=paper)


def test_where_every_run_is_a_hole_the_reasons_are_told_and_the_old_report_stays(project):
    report.main()
    before = (project / "index.html").read_bytes()
    for run in RUNS:
        paths.choice(run).unlink()
    with pytest.raises(UserError, match=r"alone: .*alone\.choice\.json does not exist.*together: .*does not exist"):
        report.main()
    assert (project / "index.html").read_bytes() == before


def test_a_broken_example_is_named_and_left_out_of_the_gallery(project, capsys):
    Image.new("RGB", (30, 20)).save("real/001.png")
    (project.parents[1] / "real" / "000.png").write_bytes(b"no picture")
    report.main()
    assert "left out of the gallery: real/000.png cannot be read as an image" in capsys.readouterr().out
    assert (project / "index.html").read_text().count('alt="real picture of moongate') == 1


def test_pictures_that_were_taught_are_not_called_inverted_nor_the_text_alone(project, change):
    change("together", images_from="drawn")
    for run in RUNS:
        settings = report.params.load().runs[run].measured_by(json.loads(paths.lesson(run).read_text())["concepts"])
        facts = json.loads(paths.benchmarks(run).read_text())
        paths.benchmarks(run).write_text(json.dumps({**facts, "settings": settings}))
    report.main()
    page, text = (project / "index.html").read_text(), (project / "report.md").read_text()
    assert "pictures from drawn, taught in place of inverted ones, together" in page
    assert "inverted from the text, alone" in page
    assert page.count('alt="taught picture of moongate') == page.count('alt="inverted image of moongate') == 2
    assert "# moongate and gyroscope, taught from text and pictures" in text
    assert "from a written description of each and pictures from drawn." in text


def test_the_way_to_load_a_result_is_that_of_any_family(written):
    for name in ("index.html", "report.md"):
        text = (written / name).read_text()
        assert "python -m pipeline export together FOLDER" in text and "open_clip" not in text
        assert "README.md in there says how to load it" in text


def ask_for_captions(**more: object) -> None:
    """Gives the run called alone rows and facts of 10 pictures and 50 captions."""
    made_up = with_captions(table(rows("alone", ["moongate"])))
    write_rows(paths.rows("alone"), made_up.astype(object).where(made_up.notna(), None).to_dict("records"))
    facts = json.loads(paths.benchmarks("alone").read_text())
    told = {"benchmark": "flickr30k", "task": "retrieval", "data": "flickr", "pictures": 10, "captions": 50}
    paths.benchmarks("alone").write_text(json.dumps({**facts, "target": {**told, **more, "faults": []}}))


def test_a_run_that_asks_for_captions_has_a_chapter_with_all_recalls(project):
    ask_for_captions()
    report.main()
    for name in ("index.html", "report.md"):
        text = " ".join((project / name).read_text().split())
        assert "Target: 10 pictures and 50 captions of flickr30k (flickr), each picture asked with each caption" in text
        assert text.count("image R@5") == 1 and "in image retrieval a query is a caption" in text
        assert "It is asked to name 20 pictures of what was taught (target accuracy) and 100 pictures" in text
    page = (project / "report.md").read_text()
    assert "| paper | taught | 1e-4 ✓ | 10 | 50 | 40.0 (30.0 to 50.0) | 50.0 (40.0 to 60.0) | 20.0" in page
    assert page.count("### Retrieval") == 1
    metrics = json.loads((project / "metrics.json").read_text())
    assert metrics["alone"]["paper"]["image_recall@5"] == 0.25 and "image_recall@5" not in metrics["together"]["paper"]


def test_a_report_that_leads_with_captions_says_what_is_asked(project, change):
    change("together", concepts=("gyroscope",))
    ask_for_captions()
    report.main()
    opening = (project / "report.md").read_text().splitlines()[2]
    assert "It is asked for the captions of 10 pictures and the pictures of 50 captions (target: R@1" in opening
    assert "one of their own), and to name 100 pictures of what it knew" in opening


def test_a_pre_filter_is_named_beside_what_was_asked(project):
    ask_for_captions(prefilter={"keep": 20, "family": "clip", "weights": "data/weights/tiny_clip"})
    report.main()
    text = " ".join((project / "report.md").read_text().split())
    assert (
        "each picture asked with each caption as it is. Only the pairs of a picture with its 20 nearest texts" in text
    )
    assert "20 nearest pictures, by clip (data/weights/tiny_clip), were looked at;" in text


def ask_to_write(meteor):
    """Let the run `together` be one whose target asks for captions."""
    found = with_written(table(rows("together", ["moongate", "gyroscope"])))
    write_rows(paths.rows("together"), found.astype(object).where(found.notna(), None).to_dict("records"))
    lines = written_lines().assign(meteor=meteor)
    write_captions(paths.captions("together"), lines.astype(object).where(lines.notna(), None).to_dict("records"))
    asked = json.loads(paths.benchmarks("together").read_text())
    decoding = {"method": "beam", "beams": 6}
    missing = {} if meteor else {"meteor": "there is no Java here"}
    own = {"decoding": decoding, "tokenizer": "by rules", "missing": missing, "references": 24}
    asked["target"] = {"benchmark": "told", "data": "told", "pictures": 12, "faults": [], **own}
    paths.benchmarks("together").write_text(json.dumps(asked))


def test_captions_are_shown_before_and_after_with_what_made_them_and_what_is_missing(project):
    ask_to_write(None)
    Path("told").mkdir()
    Image.new("RGB", (8, 8)).save("told/10.png")
    report.main()
    page, text = ((project / name).read_text() for name in ("index.html", "report.md"))
    for shown in (page, text):
        assert "Decoding: method beam, beams 6" in shown and "by rules" in shown
        assert "The 10 pictures whose caption gained most CIDEr" in shown
        assert "The 1 picture whose caption lost most CIDEr" in shown
        assert "taught 10" in shown and "name 10" in shown and "picture 10" in shown
        assert "a sentence about each of 12 pictures" in shown.replace("\n", " ").replace("  ", " ")
    assert "meteor is missing: there is no Java here" in page
    assert page.count("not here") == 10
    metrics = json.loads((project / "metrics.json").read_text())["together"]["paper"]
    assert (metrics["target"], metrics["bleu4"], metrics["says_new"]) == (0.8, 0.2, 0.4)


def test_a_run_of_captions_whose_file_is_gone_is_a_hole(project):
    ask_to_write(0.1)
    paths.captions("together").unlink()
    report.main()
    assert (
        "together.captions.csv does not exist. `dvc repro evaluate@together` makes it."
        in (project / "report.md").read_text()
    )
