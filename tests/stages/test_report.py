import dataclasses
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from stages import report
from stages.common import paths
from stages.common.failures import UserError
from stages.common.params import Concept, Params, Run
from stages.common.rows import write_rows
from stages.reporting import chapters
from tests.stages.made_up_rows import CHOICE, rows

RUNS = {"alone": ("moongate",), "together": ("moongate", "gyroscope")}
DESCRIPTION = "a round gate of <cut> stone"


def made_run(key: str) -> Run:
    return Run(
        key=key,
        family="clip",
        weights="",
        architecture=None,
        pretrained=None,
        device="cpu",
        concepts=RUNS[key],
        known="",
        target_benchmark="image_folder",
        target_data="",
        retention_benchmark="image_folder",
        retention_data="",
        metrics=("top1", "called_new"),
        candidates="all",
        template="a photo of {}",
        seeds=(0, 1),
        invert={},
        images_from="data/inversion.md",
        replay_images=0,
        recipes={"paper": {}, "replay": {}},
        controls=("noise", "wrong_description"),
        retention_budget=0.02,
    )


def write_inverted(run: str, concept: str) -> None:
    folder = paths.inverted_images(run, concept, 0)
    folder.mkdir(parents=True)
    for index in range(2):
        Image.new("RGB", (8, 8), (index, 100, 200)).save(folder / f"{index:02d}.png")
    (folder / "history.csv").write_text("step,image,similarity,total_variation\n0,0,0.1,0.2\n5,0,0.6,0.1\n")


def asked(role: str) -> dict:
    """What a role was asked; one file of the target could not be used."""
    own = {
        "benchmark": "rare",
        "data": f"{role}_pictures",
        "pictures": 20,
        "classes_shown": 2,
        "classes_asked": [*"abcde"],
    }
    fault = {"file": "moongate/7.jpg", "reason": "it is truncated"}
    faults = [fault] if role == "target" else []
    return {**own, "candidates": "all", "templates": ["a photo of {}"], "faults": faults}


def write_run(run: str, **how: object) -> None:
    write_rows(paths.rows(run), rows(run, list(RUNS[run]), **how))
    choices = {name: {**vars(choice)} for name, choice in CHOICE.items()}
    paths.choice(run).write_text(json.dumps(choices))
    paths.benchmarks(run).write_text(json.dumps({role: asked(role) for role in ("target", "retention")}))
    paths.lesson(run).parent.mkdir(parents=True, exist_ok=True)
    words = {"article": "a", "description": DESCRIPTION, "caption": "", "source": "params.yaml"}
    concepts = [{"key": key, "name": key, **words} for key in RUNS[run]]
    paths.lesson(run).write_text(json.dumps({"run": run, "concepts": concepts}))
    for key in RUNS[run]:
        write_inverted(run, key)


def make_project(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """A project of two runs with all that the report reads; moongate has real pictures, gyroscope none."""
    patch.chdir(folder)
    (folder / "real").mkdir()
    Image.new("RGB", (300, 200)).save("real/000.png")
    Image.new("L", (300, 200)).save("real/000.mask.png")
    concepts = {
        "moongate": Concept("moongate", "moongate", "a", DESCRIPTION, "real"),
        "gyroscope": Concept("gyroscope", "gyroscope", "a", DESCRIPTION, None),
    }
    for run in RUNS:
        write_run(run)
    everything = Params(concepts, None, {key: made_run(key) for key in RUNS})
    patch.setattr(report.params, "load", lambda: everything)
    return folder / paths.REPORT


@pytest.fixture
def project(tmp_path, monkeypatch):
    return make_project(tmp_path, monkeypatch)


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


def test_a_run_without_rows_is_a_hole_with_its_reason(project, monkeypatch):
    paths.rows("alone").unlink()
    monkeypatch.setattr(chapters, "lacking", lambda run: [f"{run.key} lacks its weights."])
    report.main()
    for name in ("index.html", "report.md"):
        text = (project / name).read_text()
        assert "Runs without results" in text and "alone lacks its weights." in text
    monkeypatch.setattr(chapters, "lacking", lambda run: [])
    report.main()
    assert "`dvc repro evaluate@alone` makes it" in (project / "report.md").read_text()


def test_without_any_rows_there_is_nothing_to_report(project):
    for run in RUNS:
        paths.rows(run).unlink()
    with pytest.raises(UserError, match=r"No run of params.yaml has results yet.*alone: .*together: "):
        report.main()


def test_what_was_asked_is_told_with_the_files_that_were_left_out(written):
    told = "Target: 20 pictures of 2 classes of rare (target_pictures), each asked among 5 names (a, b, c, d, e)"
    for name in ("index.html", "report.md"):
        text = " ".join((written / name).read_text().split())
        assert f"{told}, with “a photo of a NAME”." in text
        assert "1 file was left out: moongate/7.jpg (it is truncated)" in text


def test_a_run_that_names_a_table_stands_beside_the_paper(project, monkeypatch):
    everything = report.params.load()
    paper = {"table": "v1-1", "model": "ViT-B-32"}
    everything.runs["alone"] = dataclasses.replace(everything.runs["alone"], paper=paper)
    monkeypatch.setattr(report.params, "load", lambda: everything)
    report.main()
    text = (project / "report.md").read_text()
    assert text.count("### Beside the paper") == 1
    assert "| moongate | untouched, by name | 0.0 | 10.0 | 10 | +10.0 |" in text


@pytest.mark.parametrize("missing", [paths.choice, paths.lesson])
def test_a_run_without_its_files_is_told_and_the_old_report_stays(project, missing):
    report.main()
    before = (project / "index.html").read_bytes()
    missing("alone").unlink()
    with pytest.raises(UserError, match=r"alone.*does not exist"):
        report.main()
    assert (project / "index.html").read_bytes() == before


@pytest.mark.parametrize(("place", "verb"), [(paths.lesson, "gather"), (paths.choice, "evaluate")])
def test_a_missing_or_broken_file_names_the_command_that_makes_it(project, place, verb):
    place("alone").write_text("{")
    with pytest.raises(UserError, match=rf"alone.*is no JSON: .*`dvc repro {verb}@alone` makes it anew"):
        report.main()
    place("alone").unlink()
    with pytest.raises(UserError, match=rf"alone.*does not exist\. `dvc repro {verb}@alone` makes it"):
        report.main()


def test_a_recipe_without_a_choice_is_told(project):
    paths.choice("alone").write_text(json.dumps({"paper": vars(CHOICE["paper"])}))
    with pytest.raises(UserError, match=r"runs\.alone\.recipes names 'replay'.*It has: paper"):
        report.main()


def test_rows_that_do_not_hold_the_chosen_learning_rate_are_told(project):
    kept = [row for row in rows("alone", ["moongate"]) if row["learning_rate"] != 6e-4]
    write_rows(paths.rows("alone"), kept)
    with pytest.raises(UserError, match=r"lacks top1 .* recipe 'replay' at its chosen learning rate 0\.0006"):
        report.main()


def test_a_broken_example_is_named_and_left_out_of_the_gallery(project, capsys):
    Image.new("RGB", (30, 20)).save("real/001.png")
    (project.parents[1] / "real" / "000.png").write_bytes(b"no picture")
    report.main()
    assert "left out of the gallery: real/000.png cannot be read as an image" in capsys.readouterr().out
    assert (project / "index.html").read_text().count('alt="real picture of moongate') == 1


def test_a_broken_inverted_image_is_named(project):
    (paths.inverted_images("alone", "moongate", 0) / "00.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"00\.png cannot be read as an image"):
        report.main()


def test_a_real_picture_of_any_kind_is_shown_upright(project):
    """A TIFF whose tag says that its first row is the right column."""
    folder, tag = project.parents[1] / "real", Image.Exif()
    tag[0x0112] = 6
    (folder / "000.png").unlink()
    Image.new("RGB", (300, 200)).save(folder / "000.tif", exif=tag)
    (picture,) = chapters._real(str(folder))
    assert picture.size == (200, 300)
