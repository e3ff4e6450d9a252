"""What a run lacks before it can start, each thing with the way to it."""

import json
from pathlib import Path

import pytest

from stages import draw
from stages.benchmarks import image_folder
from stages.common import weight_files
from stages.common.lacking import DRAWN, FIELDS, lacking
from stages.common.params import Concept, Describe, Params, Run
from stages.models import clip, medclip
from tests.stages.benchmarks import drawn_layouts as drawn
from tests.stages.benchmarks import drawn_masked

PLACES = {
    "weights": "data/weights/hub.md",
    "known": "data/known/classes.json",
    "target_data": "data/benchmarks/rare",
    "retention_data": "data/benchmarks/known",
    "images_from": "data/inversion.md",
}
SETTINGS = {
    "key": "rare",
    "family": "clip",
    "architecture": "ViT-B-32",
    "pretrained": "openai",
    "concepts": ("rare-kite",),
    "candidates": "all",
    "target_benchmark": "image_folder",
    "retention_benchmark": "image_folder",
}
DESCRIBE = Describe("openai_server", "local", max_words=40, temperature=0.0, seed=0, attempts=3)


def found(seen=None, name="kite", others=(), **fields):
    """What a run of these fields lacks; it teaches one concept of that name, and perhaps others."""
    empty = {field: None for field in Run.__dataclass_fields__}
    concepts = {f"rare-{one}": Concept(f"rare-{one}", one, "a") for one in others}
    concepts = {"rare-kite": Concept("rare-kite", name, "a"), **concepts}
    run = Run(**empty | SETTINGS | PLACES | fields | {"concepts": (*concepts,)})
    return lacking(run, Params(concepts, DESCRIBE, {run.key: run}), seen)


def put(*paths):
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def know(*names):
    Path(PLACES["known"]).write_text(json.dumps(names))


@pytest.fixture(autouse=True)
def _where_all_is_there(tmp_path, monkeypatch):
    """The files are empty: nothing that is asked here looks into one."""
    monkeypatch.chdir(tmp_path)
    put("data/weights/hub.md", "data/known/classes.json", "data/inversion.md")
    put("data/benchmarks/rare/kite/0.png", "data/benchmarks/known/arch/0.png", "data/benchmarks/known/bell/0.png")
    know("arch", "bell")


def test_a_run_whose_files_are_all_there_lacks_nothing():
    assert found() == []


@pytest.mark.parametrize("field", FIELDS)
def test_each_missing_thing_is_told_with_its_place_and_path(field):
    (told,) = found(**{field: "data/gone/x"})
    assert told.startswith(f"params.yaml: runs.rare.{field} says 'data/gone/x', but there is no such file or folder. ")
    assert "\n" not in told and told.endswith(".")


def test_all_that_is_missing_is_told_at_once_in_the_order_of_the_fields():
    told = found(weights="a", known="b", target_data="c", retention_data="d", images_from="e")
    assert [one.split("runs.rare.")[1].split(" ")[0] for one in told] == list(PLACES) == list(FIELDS)


def test_for_pictures_the_page_of_their_benchmark_is_named_with_its_first_words():
    (told,) = found(target_data="data/benchmarks/imagenet")
    assert f"{image_folder.__doc__.splitlines()[0].rstrip('.:')}. How" in told
    assert told.endswith(" How to get it: see stages/benchmarks/image_folder.py.")


def test_for_anything_else_the_page_beside_it_is_named_where_there_is_one():
    (told,) = found(weights="data/weights/medclip")
    assert told.endswith("Weights of a model: a folder in open_clip's layout, or a checkpoint.")
    put("data/weights/medclip.md")
    (told,) = found(weights="data/weights/medclip")
    assert told.endswith("How to get it: see data/weights/medclip.md.")


def test_an_empty_folder_is_lacking():
    Path("data/benchmarks/later").mkdir()
    (told,) = found(retention_data="data/benchmarks/later")
    assert "but that folder is empty" in told


def test_what_the_pipeline_draws_itself_is_never_lacking():
    made = {"known": "data/world/known.json", "target_data": "data/world/concepts", "retention_data": "data/world/x"}
    assert found(**made, images_from="data/world/examples") == []
    assert draw.WORLD == DRAWN


def test_a_taught_name_without_its_folder_of_pictures_is_lacking():
    (told,) = found(name="kites")
    assert told.startswith("params.yaml: runs.rare.target_data says 'data/benchmarks/rare', but data/benchmarks/rare ")
    assert "has no folder for 1 of 1 classes: kites. Did you mean 'kite'? It has: kite." in told
    Path("data/benchmarks/rare/kite/0.png").rename("data/benchmarks/rare/kite/0.txt")
    (told,) = found()
    assert "no picture that can be read for 1 of 1 classes: kite. What is wrong there: kite/0.txt" in told


def test_a_name_is_found_by_its_folder_whatever_signs_it_has():
    put("data/benchmarks/rare/jack_in_the_box/0.png")
    assert found(name="jack/in/the box") == found(name="jack/in/the box", candidates="benchmark") == []


def test_a_known_name_without_its_folder_of_pictures_is_lacking():
    know("arch", "bell", "kite")
    (told,) = found()
    assert "runs.rare.retention_data says" in told and "no folder for 1 of 3 classes: kite. It has: arch, bell." in told


def test_where_a_benchmark_is_asked_among_its_own_classes_each_needs_pictures_and_the_taught_one_is_one_of_them():
    assert found(candidates="benchmark") == []
    Path("data/benchmarks/rare/torii").mkdir()
    assert found() == []
    (told,) = found(candidates="benchmark")
    assert "for 1 of 2 classes: torii." in told
    put("data/benchmarks/rare/torii/0.png")
    (told,) = found(candidates="benchmark", name="moongate")
    assert "no folder for 1 of 1 classes: moongate. It has: kite, torii." in told


def test_retention_is_looked_at_without_the_known_names_where_they_are_not_drawn_yet():
    assert found(known="data/world/known.json") == []
    put("data/benchmarks/flat/0.png")
    (told,) = found(known="data/world/known.json", retention_data="data/benchmarks/flat")
    assert "holds no folders" in told


@pytest.mark.parametrize("text", ["{", "[]", '{"!": null}'])
def test_known_classes_that_cannot_be_read_are_lacking(text):
    Path(PLACES["known"]).write_text(text)
    (told,) = found()
    assert told.startswith("params.yaml: runs.rare.known says 'data/known/classes.json', but data/known/classes.json")
    (told,) = found(known="data/known")
    assert "but that is a folder, not a file." in told


@pytest.mark.parametrize("candidates", ["all", "benchmark"])
def test_of_captions_the_taught_name_is_not_asked_for(candidates):
    root = Path("data/benchmarks/flickr30k")
    drawn.flickr30k(root)
    fields = {"target_benchmark": "flickr30k", "target_data": str(root), "candidates": candidates}
    assert found(**fields) == []
    (root / "dataset_flickr30k.json").unlink()
    (told,) = found(**fields)
    assert "holds none of dataset_flickr30k.json" in told
    assert told.endswith("with five sentences about it. How to get it: see stages/benchmarks/flickr30k.py.")


MASKED = {"target_benchmark": "segmentation_folder", "target_data": "data/benchmarks/masked", "segmentation": {}}


@pytest.mark.parametrize("candidates", ["all", "benchmark"])
def test_of_masks_the_taught_name_is_asked_for_where_folders_name_things(candidates):
    drawn_masked.segmentation_folder(MASKED["target_data"], ("kite", "bell"), form="classes")
    assert found(**MASKED, candidates=candidates) == []
    (told,) = found(**MASKED, candidates=candidates, name="kites")
    assert "has no folders for 1 of 1 classes: kites. Did you mean 'kite'? It has: bell, kite." in told
    assert told.endswith("How to get it: see stages/benchmarks/segmentation_folder.py.")


def test_of_masks_every_thing_needs_pictures_since_all_are_looked_at():
    drawn_masked.segmentation_folder(MASKED["target_data"], ("kite", "bell"), form="classes")
    for path in Path(MASKED["target_data"], "bell", "masks").iterdir():
        path.unlink()
    (told,) = found(**MASKED)
    assert "holds no picture with a mask that can be read and shows something for 1 of 2 classes: bell" in told


def test_masks_without_names_are_of_one_taught_thing():
    drawn_masked.segmentation_folder(MASKED["target_data"])
    assert found(**MASKED) == []
    (told,) = found(**MASKED, others=("bell",))
    assert "but it does not say what its masks show, and 2 concepts are taught: kite, bell." in told


def test_of_several_kinds_of_picture_the_one_that_is_shown_is_looked_for():
    root = Path("data/benchmarks/brats")
    drawn_masked.brats23_glioma(root, 1)
    fields = MASKED | {"target_benchmark": "brats23_glioma", "target_data": str(root)}
    seen = {}
    for modality in (None, "t1c"):
        assert found(seen, **fields | {"segmentation": {"modality": modality}}) == []
    for path in root.glob("*/*-t1c.nii.gz"):
        path.unlink()
    assert found(**fields) == []
    assert found(seen, **fields | {"segmentation": {"modality": "t1c"}}) == []  # as it was seen before
    (told,) = found(**fields | {"segmentation": {"modality": "t1c"}})
    assert "t1c.nii.gz" in told and told.endswith("How to get it: see stages/benchmarks/brats23_glioma.py.")


@pytest.mark.parametrize(
    ("segmentation", "told"),
    [
        ({}, ""),
        ({"weights": None, "segmenter": "sam"}, ""),
        ({"weights": "facebook/sam-vit-huge", "segmenter": "sam"}, ""),
        ({"weights": "data/weights/sam", "segmenter": "sam2"}, "there is no such file or folder."),
        ({"weights": "/models/sam", "segmenter": "sam"}, "there is no such file or folder."),
        ({"weights": "sam", "segmenter": "sam"}, "there is no such file or folder."),
        ({"weights": "data/weights/hub.md", "segmenter": "sam"}, "that is a file, not a folder."),
        ({"weights": "data/empty", "segmenter": "sam"}, "that folder is empty."),
        ({"weights": "data/benchmarks", "segmenter": "sam"}, ""),
        ({"weights": "facebook/sam-vit-huge"}, "grabcut takes no weights: write null."),
    ],
)
def test_weights_of_a_segmenter_are_a_folder_or_an_id_on_the_hub(segmentation, told):
    drawn_masked.segmentation_folder(MASKED["target_data"])
    Path("data/empty").mkdir()
    lacks = found(**MASKED | {"segmentation": segmentation})
    if not told:
        assert lacks == []
    else:
        begin = f"params.yaml: runs.rare.segmentation.weights says {segmentation['weights']!r}, but {told} A folder of "
        assert [one.startswith(begin) for one in lacks] == [True] and "\n" not in lacks[0]


def test_where_no_masks_are_asked_for_no_segmenter_is_looked_for():
    assert found(segmentation={"weights": "data/weights/sam", "segmenter": "sam"}) == []


@pytest.mark.parametrize("benchmark", ["imagenet", "imagenet100", "chexpert_5x200c", "jsrt", "rare_concepts"])
def test_data_in_another_layout_is_lacking_for_every_benchmark(benchmark):
    Path("data/benchmarks/later/junk").mkdir(parents=True)
    (told,) = found(retention_benchmark=benchmark, retention_data="data/benchmarks/later")
    assert told.startswith("params.yaml: runs.rare.retention_data says 'data/benchmarks/later', but data/benchmarks")
    assert told.endswith(f"How to get it: see stages/benchmarks/{benchmark}.py.") and "\n" not in told


@pytest.mark.parametrize(
    ("draw_data", "gone", "told"),
    [
        (lambda root: drawn.imagenet(root, 2, form="tar"), "ILSVRC2012_devkit*", "devkit_t12.tar.gz: there is no such"),
        (lambda root: drawn.imagenet(root, 2, form="tar"), "ILSVRC2012_img*", "holds no ImageNet"),
        (lambda root: drawn.imagenet100(root, 2), "Labels.json", "Labels.json: there is no such file"),
        (drawn.chexpert_5x200c, "chexpert_5x200.json", "holds no index"),
        (lambda root: drawn.jsrt(root, 1, 1, form="png"), "jsrt_metadata.csv", "holds no CLNDAT_EN.txt"),
    ],
    ids=["devkit", "archive", "labels", "index", "list"],
)
def test_a_list_or_an_archive_that_is_missing_is_told(draw_data, gone, told):
    root = Path("data/benchmarks/other")
    draw_data(root)
    (path,) = root.glob(gone)
    path.unlink()
    benchmark = {"ILSVRC": "imagenet", "Labels": "imagenet100", "chexpe": "chexpert_5x200c", "jsrt_m": "jsrt"}[gone[:6]]
    assert told in " ".join(found(retention_benchmark=benchmark, retention_data=str(root)))


def test_data_that_several_runs_name_is_looked_through_once(monkeypatch):
    asked, listed = [], image_folder.listed
    monkeypatch.setattr(image_folder, "listed", lambda root, classes: asked.append(root) or listed(root, classes))
    seen = {}
    assert found(seen) == found(seen) == found(seen, key="other") == []
    assert len(asked) == 2
    know("gone")
    first, second = found(seen), found(seen, key="other")
    assert first[0].replace("runs.rare.", "runs.other.") == second[0]
    assert len(asked) == 3


def test_each_concept_needs_pictures_where_they_are_taught_in_place_of_inverted_images():
    put("data/made/moon_gate/0.png", "data/made/kite/notes.txt")
    assert found(images_from="data/made", name="kite")[-1].startswith(
        "params.yaml: runs.rare.images_from says 'data/made', but there are no pictures in data/made/kite. A folder"
    )
    put("data/benchmarks/rare/moon_gate/0.png")
    assert found(images_from="data/made", name="moon/gate") == []


WEIGHTS = "data/weights/own"
OWN = {"weights": WEIGHTS, "pretrained": None}


@pytest.mark.parametrize(
    ("fields", "files", "told"),
    [
        ({"family": "medclip"}, ["config.json"], "pytorch_model.bin, and no vocab.txt or tokenizer.json."),
        ({"family": "medclip"}, ["pytorch_model.bin"], "it holds no vocab.txt or tokenizer.json."),
        ({"family": "medclip"}, ["vocab.txt"], "it holds no model.safetensors or pytorch_model.bin."),
        ({"family": "medclip"}, ["pytorch_model.bin", "vocab.txt"], ""),
        ({"family": "vilt"}, ["notes.txt"], "no config.json, and no model.safetensors or pytorch_model.bin, and no"),
        ({"family": "vilt"}, ["config.json", "pytorch_model.bin"], "it holds no vocab.txt or tokenizer.json."),
        ({"family": "vilt"}, ["config.json", "model.safetensors", "vocab.txt"], ""),
        ({"architecture": None}, ["open_clip_model.safetensors"], "it holds no open_clip_config.json."),
        ({"architecture": None}, ["open_clip_config.json"], "it holds no open_clip_model.safetensors or "),
        ({"architecture": None}, ["open_clip_config.json", "open_clip_pytorch_model.bin"], ""),
        ({}, ["open_clip_config.json"], "it holds no open_clip_model.safetensors or "),
        ({}, ["open_clip_pytorch_model.bin"], ""),
        ({"pretrained": "openai"}, ["notes.txt"], ""),
        ({"architecture": "hf-hub:a/b"}, ["notes.txt"], ""),
        ({"family": "of_your_own"}, ["notes.txt"], ""),
    ],
)
def test_a_folder_of_weights_holds_what_its_family_reads(fields, files, told):
    put(*(f"{WEIGHTS}/{name}" for name in files))
    assert told in " ".join(found(**OWN | fields)) and bool(found(**OWN | fields)) == bool(told)


def test_a_single_checkpoint_will_do_where_its_architecture_is_said():
    put("data/weights/own.pt")
    assert found(weights="data/weights/own.pt", pretrained=None) == []
    (told,) = found(weights="data/weights/own.pt", pretrained=None, architecture=None)
    assert "it holds no open_clip_config.json" in told


def test_what_families_write_is_what_is_looked_for(tiny_models):
    for family, kind in ((clip, "vit"), (medclip, "swin")):
        name = family.__name__.rpartition(".")[2]
        own = {"family": name, "weights": str(tiny_models[name, kind]), "architecture": None, "pretrained": None}
        assert found(**own) == []
    assert PLACES["weights"] == weight_files.HUB
