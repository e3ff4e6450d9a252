"""params.yaml: what is good comes through as written, and each kind of mistake is told with place, value and remedy."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from stages.common import lookup, params
from stages.common.entries import Prefilter
from stages.common.failures import UserError

GOOD = """\
concepts:
  moongate: {name: moongate, article: a, description: a round opening in a wall}
  tonometer: {name: tonometer, article: a}
describe: {writer: openai_server, model: local, max_words: 40, temperature: 0, seed: 0, attempts: 3}
shared:
  tiny: &tiny {family: clip, weights: data/weights/tiny_clip, architecture: null, pretrained: null, device: auto}
  world: &world
    known: data/world/known.json
    target_benchmark: image_folder
    target_data: data/world/concepts
    retention_benchmark: image_folder
    retention_data: data/world/known
    metrics: [top1, called_new]
    template: a photo of {}
    seeds: [0, 1]
    invert: {steps: 100}
    replay_images: 2
    recipes: {paper: {learning_rates: [1.0e-4, 2.0e-4]}}
    controls: [noise]
    candidates: all
    images_from: data/inversion.md
    retention_budget: 0.02
runs:
  together:
    <<: [*tiny, *world]
    concepts: [moongate, tonometer]
    seeds: [3]
"""
FOLDERS = {
    "stages.models": ["clip", "coca", "vilt"],
    "stages.benchmarks": [
        "brats23_glioma",
        "captioned_folder",
        "captioning_folder",
        "image_folder",
        "segmentation_folder",
    ],
    "stages.decoders": ["beam", "greedy"],
    "stages.masks": ["kmeans", "threshold"],
    "stages.metrics": ["called_new", "cider", "dice", "image_recall", "text_recall", "top1"],
    "stages.recipes": ["matching", "paper", "replay"],
    "stages.saliency": ["gradient", "m2ib"],
    "stages.segmenters": ["grabcut", "sam"],
    "stages.writers": ["local_llm", "openai_server"],
}


@pytest.fixture(autouse=True)
def _fixed_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "names", FOLDERS.__getitem__)


def load(folder: Path, text: str) -> params.Params:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return params.load(path)


def test_good_params_come_through_with_merge_keys_and_a_key_of_the_run_winning(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    run = loaded.run("together")
    assert (run.family, run.architecture, run.metrics) == ("clip", None, ("top1", "called_new"))
    assert run.seeds == (3,)
    assert run.recipes == {"paper": {"learning_rates": [1e-4, 2e-4]}}
    assert type(run.recipes["paper"]["learning_rates"][0]) is float
    assert loaded.concept("tonometer").description is None
    assert loaded.describe.timeout_seconds == 60


def test_a_number_with_an_exponent_and_no_point_is_a_number_as_dvc_has_it(tmp_path: Path) -> None:
    run = load(tmp_path, GOOD.replace("1.0e-4", "1e-4")).run("together")
    assert run.recipes["paper"]["learning_rates"][0] == 1e-4


MISTAKES = {
    "unknown family": (
        "family: clip",
        "family: vlit",
        ["line 6", "runs.together.family", "'vlit'", "Did you mean 'vilt'"],
    ),
    "unknown benchmark": ("target_benchmark: image_folder", "target_benchmark: image_flder", ["target_benchmark says"]),
    "unknown metric": ("[top1, called_new]", "[topl]", ["line 13", "metrics says 'topl'", "Did you mean 'top1'"]),
    "no top1": ("[top1, called_new]", "[called_new]", ["metrics lists ['called_new']", "needs 'top1'"]),
    "unknown recipe": (
        "{paper: {",
        "{papers: {",
        ["recipes.papers", "Did you mean 'paper'", "It has: matching, paper, replay"],
    ),
    "unknown writer": ("writer: openai_server", "writer: openai", ["line 4: describe.writer", "openai_server"]),
    "unknown key": ("    template:", "    tmplate:", ["line 14", "runs.together.tmplate", "Did you mean 'template'"]),
    "missing key": ("    controls: [noise]\n", "", ["runs.together lacks the key 'controls'"]),
    "unknown top key": ("shared:", "shred:", ["line 5: shred", "Did you mean 'shared'"]),
    "unknown concept": ("[moongate, tonometer]", "[moongat]", ["line 26", "'moongat'", "Did you mean 'moongate'"]),
    "concept twice": ("[moongate, tonometer]", "[moongate, moongate]", ["concepts lists 'moongate' twice"]),
    "no concepts": ("[moongate, tonometer]", "[]", ["runs.together.concepts is empty"]),
    "same name": ("name: tonometer", "name: Moongate", ["have the names 'moongate' and 'Moongate'", "Rename one"]),
    "same folder": ("name: moongate", 'name: "tonometer++"', ["'tonometer++' and 'tonometer', which are one folder"]),
    "unsafe run": ("  together:", "  To/gether:", ["runs.To/gether", "'To/gether'", "a-z, 0-9"]),
    "unsafe concept": ("  moongate: {", "  ../moon: {", ["line 2", "'../moon'"]),
    "unknown article": ("article: a}", "article: en}", ["line 3: concepts.tonometer.article says 'en'", "'an'"]),
    "empty name": ("name: tonometer", 'name: " "', ["concepts.tonometer.name", "one line of text"]),
    "no letter": (
        "name: tonometer",
        'name: "???"',
        ["line 3: concepts.tonometer.name says '???'", "a letter or a digit"],
    ),
    "blank prompt": ("article: a}", "article: a, prompts: ['a', ' ']}", ["line 3", "prompts lists ' '", "one line"]),
    "prompt twice": ("article: a}", "article: a, prompts: [x, x]}", ["tonometer.prompts lists 'x' twice"]),
    "prompt of two lines": ("article: a}", 'article: a, prompts: ["x\\ny"]}', ["prompts lists 'x\\ny'", "one line"]),
    "empty description": ("a round opening in a wall", '""', ["concepts.moongate.description is empty"]),
    "number as text": ("[1.0e-4,", '["1.0e-4",', ["learning_rates says '1.0e-4'", "without quotes"]),
    "rate of zero": ("[1.0e-4,", "[0.0,", ["learning_rates lists 0.0", "above 0"]),
    "rate twice": ("[1.0e-4,", "[0.0002,", ["learning_rates lists 0.0002 twice"]),
    "no rates": (
        "{learning_rates: [1.0e-4, 2.0e-4]}",
        "{epochs: 1}",
        ["recipes.paper", "learning_rates", "'epochs': 1"],
    ),
    "no recipes": ("{paper: {learning_rates: [1.0e-4, 2.0e-4]}}", "{}", ["recipes is empty", "paper, replay"]),
    "seed twice": ("seeds: [3]", "seeds: [3, 3]", ["line 27: runs.together.seeds lists 3 twice"]),
    "seed no number": ("seeds: [3]", "seeds: [true]", ["seeds says True", "a whole number"]),
    "seed below zero": ("seeds: [3]", "seeds: [-1]", ["seeds says -1", "at least 0"]),
    "seeds no list": ("seeds: [3]", "seeds: 3", ["seeds says 3", "[3]"]),
    "two holes": ("a photo of {}", "a {} of {}", ["template says 'a {} of {}'", "exactly one {}"]),
    "no hole": ("a photo of {}", "a photo", ["template says 'a photo'"]),
    "unknown device": ("device: auto", "device: gpu", ["device says 'gpu'", "'cpu'", "'cuda'"]),
    "unknown control": ("[noise]", "[nois]", ["controls says 'nois'", "Did you mean 'noise'"]),
    "budget as per cent": ("retention_budget: 0.02", "retention_budget: 2", ["retention_budget says 2", "0 to 1"]),
    "negative replay": ("replay_images: 2", "replay_images: -2", ["replay_images says -2"]),
    "not a number": ("retention_budget: 0.02", "retention_budget: .nan", ["retention_budget says nan"]),
    "no attempts": ("attempts: 3", "attempts: 0", ["line 4: describe.attempts says 0", "at least 1"]),
    "pretrained alone": ("pretrained: null", "pretrained: openai", ["pretrained says 'openai'", "architecture"]),
    "duplicate key": ("    seeds: [3]", "    seeds: [3]\n    seeds: [4]", ["line 28", "'seeds' is written twice"]),
    "paper without its model": ("[3]", "[3]\n    paper: {table: v1-1}", ["line 28", "paper lacks the key 'model'"]),
    "unknown key of a paper": (
        "[3]",
        "[3]\n    paper: [{table: v1-1, model: a}, {tabl: v1-2, model: a}]",
        ["runs.together.paper.tabl", "Did you mean 'table'"],
    ),
    "paper twice": (
        "[3]",
        "[3]\n    paper: [{table: v1-1, model: a}, {table: v1-1, model: a, variant: transfer}]",
        ["line 28: runs.together.paper lists Paper(table='v1-1'", "twice"],
    ),
    "paper no mapping": ("[3]", "[3]\n    paper: v1-1", ["paper says 'v1-1'", "a mapping"]),
    "recipe of another kind of model": (
        "{paper: {",
        "{matching: {",
        [
            "line 18: runs.together.recipes.matching teaches models of one joint encoder",
            "'clip' is two encoders",
            "paper",
        ],
    ),
    "retention of captions": (
        "retention_benchmark: image_folder",
        "retention_benchmark: captioned_folder",
        ["line 11: runs.together.retention_benchmark says 'captioned_folder'", "Write it as target_benchmark"],
    ),
    "captions without their metric": (
        "target_benchmark: image_folder",
        "target_benchmark: captioned_folder",
        ["line 13: runs.together.metrics lists ['top1', 'called_new']", "needs 'text_recall'", "captioned_folder"],
    ),
    "unknown candidates": (
        "candidates: all",
        "candidates: al",
        ["line 20", "candidates says 'al'", "Did you mean 'all'"],
    ),
    "prefilter for two encoders": (
        "candidates: all",
        "candidates: {keep: 20, family: clip, weights: a}",
        ["line 20: runs.together.candidates.family says 'clip' to choose pairs for 'clip'", "Write candidates: all"],
    ),
    "no YAML": ("seeds: [3]", "seeds: [3", ["this is no YAML"]),
    "unknown anchor": ("*tiny, *world", "*tinny, *world", ["line 25", "tinny"]),
    "run no mapping": ("    <<: [*tiny, *world]", "    - x", ["params.yaml line"]),
}


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_place_value_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, told: list[str]
) -> None:
    assert old in GOOD
    with pytest.raises(UserError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1) if new else GOOD.replace(old, ""))
    message = str(caught.value)
    assert message.startswith("params.yaml") or str(tmp_path) in message, message
    for part in told:
        assert part in message, f"{part!r} is not in: {message}"


JOINT = GOOD.replace("family: clip", "family: vilt").replace("{paper: {", "{matching: {")
QUICK = "{keep: 20, family: clip, weights: data/weights/tiny_clip}"
JOINT_MISTAKES = {
    "recipe of another kind": (
        "{matching: {",
        "{replay: {",
        [
            "line 18: runs.together.recipes.replay teaches models of two encoders",
            "'vilt' is one joint encoder",
            "matching",
        ],
    ),
    "joint prefilter": (QUICK, QUICK.replace("clip, w", "vilt, w"), ["candidates.family says 'vilt' to choose pairs"]),
    "unknown prefilter": (
        QUICK,
        QUICK.replace("clip, w", "clop, w"),
        ["candidates.family says", "Did you mean 'clip'"],
    ),
    "nothing kept": (QUICK, QUICK.replace("20", "0"), ["line 20: runs.together.candidates.keep says 0", "at least 1"]),
    "unknown key": (QUICK, QUICK.replace("keep", "keeps"), ["candidates.keeps", "Did you mean 'keep'"]),
    "missing key": (QUICK, "{keep: 20, family: clip}", ["candidates lacks the key 'weights'"]),
}


@pytest.mark.parametrize(("old", "new", "told"), JOINT_MISTAKES.values(), ids=JOINT_MISTAKES.keys())
def test_a_mistake_of_a_joint_encoder_is_told_with_place_value_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, told: list[str]
) -> None:
    text = JOINT.replace("candidates: all", f"candidates: {QUICK}")
    load(tmp_path, text)
    assert old in text
    with pytest.raises(UserError) as caught:
        load(tmp_path, text.replace(old, new, 1))
    assert str(caught.value).count("line ") <= 1
    for part in told:
        assert part in str(caught.value), f"{part!r} is not in: {caught.value}"


def test_a_joint_encoder_takes_its_recipes_captions_and_a_prefilter_that_is_off_unless_asked_for(
    tmp_path: Path,
) -> None:
    assert load(tmp_path, JOINT).run("together").prefilter is None
    text = JOINT.replace("candidates: all", f"candidates: {QUICK}")
    text = text.replace("target_benchmark: image_folder", "target_benchmark: captioned_folder")
    run = load(tmp_path, text.replace("[top1, called_new]", "[top1, called_new, text_recall, image_recall]")).run(
        "together"
    )
    assert run.prefilter == Prefilter(20, "clip", "data/weights/tiny_clip", architecture=None, pretrained=None)
    assert run.measured_by([])["candidates"] == {"keep": 20, "family": "clip", "weights": "data/weights/tiny_clip"}


def test_the_papers_recipe_teaches_both_kinds_of_models(tmp_path: Path) -> None:
    for text in (GOOD, JOINT.replace("{matching: {", "{paper: {")):
        assert [*load(tmp_path, text).run("together").recipes] == ["paper"]


def test_empty_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 23: runs must hold at least one entry, but is None"):
        load(tmp_path, GOOD[: GOOD.index("runs:")] + "runs:\n")


def test_missing_and_empty_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no .*params.yaml here"):
        params.load(tmp_path / "params.yaml")
    with pytest.raises(UserError, match="must be a list of `key: value`, but is None"):
        load(tmp_path, "")


def test_an_unknown_run_or_concept_names_the_nearest(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    with pytest.raises(UserError, match=r"runs has no 'togehter'. Did you mean 'together'\?"):
        loaded.run("togehter")
    with pytest.raises(UserError, match=r"Did you mean 'moongate'\? It has: moongate, tonometer"):
        loaded.concept("moongates")


def test_a_missing_path_is_told_when_it_is_required_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = load(tmp_path, GOOD).run("together")
    with pytest.raises(UserError, match=r"runs.together.weights says 'data/weights/tiny_clip', but there is no such"):
        run.require("weights")
    (tmp_path / "data/weights/tiny_clip").mkdir(parents=True)
    run.require("weights")


@dataclass(frozen=True)
class Steps:
    steps: int
    rate: float = 0.5

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, but is {self.steps}")


def test_settings_of_a_stage_are_checked_with_the_line_where_they_stand(tmp_path: Path) -> None:
    run = load(tmp_path, GOOD.replace("{steps: 100}", "{stpes: 100}")).run("together")
    with pytest.raises(UserError, match=r"params.yaml line 16: runs.together.invert.stpes .* Did you mean 'steps'"):
        params.settings(Steps, run.invert, "params.yaml: runs.together.invert")


def test_settings_take_whole_numbers_for_numbers_and_keep_defaults() -> None:
    assert params.settings(Steps, {"steps": 3, "rate": 1}, "params.yaml: x") == Steps(3, 1.0)
    assert params.settings(Steps, {"steps": 3}, "params.yaml: x").rate == 0.5
    with pytest.raises(UserError, match=r"params.yaml: x.steps says 2.5, but must be a whole number"):
        params.settings(Steps, {"steps": 2.5}, "params.yaml: x")
    with pytest.raises(UserError, match="params.yaml: x: steps must be at least 1, but is 0"):
        params.settings(Steps, {"steps": 0}, "params.yaml: x")


CAPTIONS = GOOD.replace("target_benchmark: image_folder", "target_benchmark: captioning_folder").replace(
    "metrics: [top1, called_new]", "metrics: [top1, cider]\n    decoding: {method: beam, beams: 3}"
)


def test_a_run_that_asks_for_captions_says_how_they_are_written(tmp_path):
    run = load(tmp_path, CAPTIONS.replace("family: clip", "family: coca")).run("together")
    assert run.decoding == {"method": "beam", "beams": 3}
    assert run.measured_by([])["decoding"] == run.decoding
    assert load(tmp_path, GOOD).run("together").decoding == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "family: coca",
            "family: clip",
            "asks for captions, but the family 'clip' writes none. What writes some: coca",
        ),
        (
            "metrics: [top1, cider]",
            "metrics: [top1]",
            "needs 'cider', since captioning_folder is a benchmark of captioning",
        ),
        ("method: beam", "method: bean", r"decoding.method.* says 'bean'.*Did you mean 'beam'"),
        (
            "retention_benchmark: image_folder",
            "retention_benchmark: captioning_folder",
            "a benchmark of captioning, but",
        ),
    ],
)
def test_captions_that_cannot_be_had_are_told(old, new, told, tmp_path):
    with pytest.raises(UserError, match=told):
        load(tmp_path, CAPTIONS.replace("family: clip", "family: coca").replace(old, new))


MASKS = GOOD.replace("target_benchmark: image_folder", "target_benchmark: segmentation_folder").replace(
    "metrics: [top1, called_new]", "metrics: [top1, dice]\n    segmentation: {saliency: m2ib, block: 2, mask: kmeans}"
)


def test_a_run_that_asks_for_masks_says_how_they_are_found(tmp_path):
    run = load(tmp_path, MASKS).run("together")
    assert run.segmentation == {"saliency": "m2ib", "block": 2, "mask": "kmeans"}
    assert run.measured_by([])["segmentation"] == run.segmentation
    assert load(tmp_path, GOOD).run("together").segmentation == {}
    brats = MASKS.replace("segmentation_folder", "brats23_glioma").replace("block: 2", "modality: t1c")
    assert load(tmp_path, brats).run("together").segmentation["modality"] == "t1c"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "metrics: [top1, dice]",
            "metrics: [top1]",
            "needs 'dice', since segmentation_folder is a benchmark of segmentation",
        ),
        ("metrics: [top1, dice]", "metrics: [dice]", "needs 'top1'"),
        (
            "retention_benchmark: image_folder",
            "retention_benchmark: segmentation_folder",
            "a benchmark of segmentation, but",
        ),
        (
            "saliency: m2ib",
            "saliency: m2bi",
            r"segmentation\.saliency says 'm2bi'.*Did you mean 'm2ib'",
        ),
        ("mask: kmeans", "mask: kmean", r"segmentation\.mask says 'kmean'.*Did you mean 'kmeans'"),
        ("mask: kmeans", "segmenter: samm", r"segmentation\.segmenter says 'samm'.*Did you mean 'sam'"),
        ("mask: kmeans", "masks: kmeans", r"segmentation\.masks is no key.*Did you mean 'mask'"),
        ("block: 2", "block: 0", "segmentation: block must be at least 1, but is 0"),
        ("block: 2", "block: eight", r"segmentation\.block says 'eight', but must be a whole number"),
        ("mask: kmeans", "threshold: 2", "segmentation: threshold must be within 0 and 1, but is 2"),
        ("mask: kmeans", "modality: t1c", r"modality says 't1c', but segmentation_folder has one kind.*write null"),
        ("mask: kmeans", "tune: {pictures: 3}", r"segmentation\.tune lacks the key 'blocks'"),
    ],
)
def test_masks_that_cannot_be_had_are_told(old, new, told, tmp_path):
    assert old in MASKS
    with pytest.raises(UserError, match=told) as caught:
        load(tmp_path, MASKS.replace(old, new, 1))
    assert "runs.together" in str(caught.value) and "\n" not in str(caught.value)


def test_a_modality_that_a_benchmark_has_not_is_told_with_those_that_it_has(tmp_path):
    text = MASKS.replace("segmentation_folder", "brats23_glioma").replace("block: 2", "modality: t2")
    with pytest.raises(UserError, match=r"modality says 't2', but brats23_glioma has t2f, .*Did you mean"):
        load(tmp_path, text)


def test_a_joint_encoder_is_asked_for_no_masks(tmp_path):
    text = MASKS.replace("family: clip", "family: vilt").replace("{paper: {", "{matching: {")
    with pytest.raises(UserError, match=r"target_benchmark says 'segmentation_folder'.*family 'vilt' has a joint one"):
        load(tmp_path, text)
