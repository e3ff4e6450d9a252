"""invert: what it writes, what it takes from its cache, and that nothing half-written is ever seen."""

import csv
import json
import multiprocessing
import resource
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from stages import invert
from stages.common import paths
from stages.common.failures import UserError, told
from stages.inversion import optimisation, workshop
from stages.inversion.chunks import Chunk
from stages.inversion.settings import settings_of
from stages.inversion.workshop import Workshop, read_chunk
from stages.models.clip import Clip
from tests.stages import whole_project
from tests.stages.recipes.lessons import fresh
from tests.stages.whole_project import contents

CACHED = paths.CACHE / "inverted"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_models):
    """A project whose runs `both` and `alone` are inverted; tests look at it, or work in a copy."""
    folder = tmp_path_factory.mktemp("inverted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        whole_project.in_processes(1, patch, invert)
        whole_project.build(tiny_models["clip", "resnet"])
        invert.main("both")
        shutil.rmtree(CACHED)  # so that `alone` makes its own
        invert.main("alone")
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the finished project, with the chunks of `alone` in the cache."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, invert)


@pytest.fixture
def no_model(monkeypatch):
    def refuse(*_):
        raise AssertionError("the model was asked for something that the cache holds")

    monkeypatch.setattr(Clip, "inversion_loss", refuse)


def write_known(more):
    Path("known.json").write_text(json.dumps({**whole_project.KNOWN, **more}))


def test_it_writes_images_curves_sheets_and_a_record(finished):
    found = set(contents(finished / paths.inverted("both")))
    seeds = [f"{concept}/seed{seed}" for concept in whole_project.CONCEPTS for seed in (0, 1)]
    expected = {f"{seed}/{file}" for seed in seeds for file in ("00.png", "01.png", "history.csv")}
    pictures = {f"{concept}/{name}.png" for concept in whole_project.CONCEPTS for name in ("sheet", "curve")}
    expected |= pictures | {"inversion.json"}
    assert found == expected | {f"replay/{name}/00.png" for name in ("arch", "traffic_light", "kite")}


def test_a_concept_taught_alone_has_a_decoy_for_its_control(finished):
    found = set(contents(finished / paths.inverted("alone")))
    assert {f"decoy/seed{seed}/0{i}.png" for seed in (0, 1) for i in (0, 1)} <= found


def test_images_have_the_models_size_and_their_similarity_is_on_record(finished):
    folder = finished / paths.inverted("both")
    picture = Image.open(folder / "moongate/seed0/00.png")
    assert (picture.size, picture.mode) == ((32, 32), "RGB")
    with (folder / "moongate/seed1/history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["image"]) for row in rows] == [("4", "0"), ("4", "1")]
    ends = [float(row["similarity"]) for row in rows]
    record = json.loads((folder / "inversion.json").read_text())
    assert record["similarity"]["moongate, seed 1"] == pytest.approx(sum(ends) / 2, abs=1e-5)
    assert record["settings"]["steps"] == 4


def test_a_concept_has_a_small_picture_of_its_curves(finished):
    with Image.open(finished / paths.inverted("both") / "moongate/curve.png") as picture:
        assert (picture.size, picture.format) == ((478, 315), "PNG")


def test_seeds_and_images_differ(finished):
    images = [contents(finished / paths.inverted("both") / "moongate" / f"seed{seed}") for seed in (0, 1)]
    assert len({images[seed][f"0{i}.png"] for seed in (0, 1) for i in (0, 1)}) == 4


def test_a_concepts_bytes_do_not_depend_on_what_else_the_run_teaches(finished):
    together, alone = (contents(finished / paths.inverted(run)) for run in ("both", "alone"))
    shared = [file for file in together if file.startswith(("moongate/", "replay/"))]
    assert len(shared) == 2 * 3 + 2 + 3
    assert all(together[file] == alone[file] for file in shared)


def test_the_nth_image_of_a_description_is_the_same_whatever_stands_beside_it(project, tiny_models):
    settings, affine = settings_of({"steps": 3}, "a test")
    shop = Workshop(fresh(tiny_models["clip", "resnet"]), settings, affine, ())
    own, first, other = "a bow of stones", "a kite", "a wheel"
    mixed, beside = (
        read_chunk(*shop.finished(Chunk(label, (own, text, own), ("folder",) * 3, 0))).images
        for label, text in (("one chunk", first), ("another", other))
    )
    assert torch.equal(mixed[0], beside[0]) and torch.equal(mixed[2], beside[2])
    assert not torch.equal(mixed[0], mixed[2]) and not torch.equal(mixed[1], beside[1])


def test_a_second_time_everything_comes_from_the_cache(project, no_model):
    before = contents(paths.inverted("alone"))
    invert.main("alone")
    assert contents(paths.inverted("alone")) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="beside a GPU, autograd cannot be forked once it has run")
def test_several_processes_give_the_same_bytes_as_one(project, monkeypatch):
    before = contents(paths.inverted("both"))
    shutil.rmtree(CACHED)
    whole_project.in_processes(2, monkeypatch, invert)
    invert.main("both")
    assert contents(paths.inverted("both")) == before


def test_another_run_takes_the_chunks_that_it_shares(project, monkeypatch):
    made = []
    inverted = workshop.invert
    watched = lambda *words, **more: made.append(len(words[1])) or inverted(*words, **more)  # noqa: E731
    monkeypatch.setattr(workshop, "invert", watched)
    before = contents(paths.inverted("both"))
    invert.main("both")
    assert made == [2, 2]  # tonometer, two seeds; moongate and the replay are those of `alone`
    assert contents(paths.inverted("both")) == before


def test_an_edited_description_changes_the_images_of_its_concept_alone(project):
    before = contents(paths.inverted("both"))
    whole_project.write_lesson("both", {**whole_project.CONCEPTS, "tonometer": "a thick rod with square dials"})
    invert.main("both")
    after = contents(paths.inverted("both"))
    changed = {file for file in before if before[file] != after[file]}
    assert "tonometer/seed0/00.png" in changed
    assert all(file.startswith("tonometer/") or file == "inversion.json" for file in changed)


def test_other_settings_and_other_weights_are_not_taken_from_the_cache(project, tiny_models):
    before = contents(paths.inverted("alone"))
    whole_project.change_params("rotation_deg: 10", "rotation_deg: 20")
    invert.main("alone")
    turned = contents(paths.inverted("alone"))
    assert turned["moongate/seed0/00.png"] != before["moongate/seed0/00.png"]
    whole_project.change_params(str(tiny_models["clip", "resnet"]), str(tiny_models["clip", "vit"]))
    invert.main("alone")
    assert contents(paths.inverted("alone"))["moongate/seed0/00.png"] != turned["moongate/seed0/00.png"]


def test_after_a_kill_nothing_half_written_is_seen_and_the_rest_gives_the_same_bytes(project, monkeypatch):
    before = contents(paths.inverted("both"))
    shutil.rmtree(CACHED)
    shutil.rmtree(paths.inverted("both"))
    monkeypatch.setattr(optimisation, "SECONDS_BETWEEN_STATES", -1.0)
    with monkeypatch.context() as patch:
        left, whole = 13, Clip.inversion_loss  # two chunks ask five times each, so the third dies on its way

        def dies(self, images, target):
            nonlocal left
            left -= 1
            if not left:
                raise KeyboardInterrupt
            return whole(self, images, target)

        patch.setattr(Clip, "inversion_loss", dies)
        with pytest.raises(KeyboardInterrupt):
            invert.main("both")
    assert [path.name for path in paths.inverted("both").parent.iterdir()] == ["alone"]
    assert len([path for path in CACHED.iterdir() if path.is_dir()]) == 2
    assert len(list(CACHED.glob("*.state.pt"))) == 1
    invert.main("both")
    assert contents(paths.inverted("both")) == before
    assert not list(CACHED.glob("*.state.pt"))


def _in_a_full_disk(limit):
    torch.set_num_threads(1)  # the threads of the parent are not here
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        invert.main("alone")
    except Exception as error:
        message = told(error) or repr(error)
        print(message)
        raise SystemExit(3 if "disk is full" in message and "data/inverted/alone" in message else 4) from None


@pytest.mark.parametrize("limit", [500, 8000], ids=["the first image", "the contact sheet"])
def test_a_full_disk_leaves_what_was_there(project, limit):
    folder = paths.inverted("alone")
    before = contents(folder)
    sizes = {name: len(content) for name, content in before.items() if not name.endswith("curve.png")}
    assert max(sizes, key=lambda name: sizes[name]) == "moongate/sheet.png" and sizes["moongate/sheet.png"] > 8000
    (folder / "old.txt").write_text("from an earlier run")
    child = multiprocessing.get_context("fork").Process(target=_in_a_full_disk, args=(limit,))
    child.start()
    child.join(60)
    assert child.exitcode == 3
    assert contents(folder) == {**before, "old.txt": b"from an earlier run"}
    assert sorted(path.name for path in folder.parent.iterdir()) == ["alone", "both"]
    invert.main("alone")
    assert contents(folder) == before


def test_a_caption_that_the_model_cannot_read_to_its_end_is_refused_before_any_image(project, no_model):
    whole_project.write_lesson("alone", {"moongate": "a round opening in a wall " * 20})
    with pytest.raises(UserError, match=r"captions/moongate.yaml: the caption has \d+ tokens, the model reads 77"):
        invert.main("alone")


def test_a_known_caption_that_the_model_cannot_read_to_its_end_is_refused_before_any_image(project, no_model):
    write_known({"owl": "a bird that flies by night " * 20})
    with pytest.raises(UserError, match=r"known.json: the caption of 'owl' has \d+ tokens, the model reads 77"):
        invert.main("alone")


def test_the_name_counts_for_the_length_of_a_known_caption(project, no_model, monkeypatch):
    read = []
    monkeypatch.setattr(Clip, "token_count", lambda _, text: read.append(text) or 78 * text.startswith("An owl is a "))
    write_known({"owl": "A bird of the night"})
    with pytest.raises(UserError, match="the caption of 'owl' has 78 tokens"):
        invert.main("alone")
    assert read[-1] == "An owl is a bird of the night"


def test_a_template_that_the_model_cannot_read_to_its_end_is_refused_before_any_image(project, no_model):
    long = "a very " * 40 + "old {}"
    whole_project.change_params("template: a photo of {}", f"template: ['a photo of {{}}', '{long}']")
    told = r"params.yaml: runs.alone.template: the prompt 'a very .* old a moongate' has \d+ tokens, the model reads 77"
    with pytest.raises(UserError, match=told):
        invert.main("alone")


@pytest.mark.parametrize(
    ("missing", "told"),
    [("known.json", "runs.alone.known"), ("data/lessons/alone.json", "dvc repro")],
)
def test_a_missing_file_is_told(project, missing, told):
    Path(missing).unlink()
    with pytest.raises(UserError, match=told):
        invert.main("alone")


def test_truncated_weights_are_told_before_anything_is_written(project, tmp_path_factory, tiny_models):
    broken = tmp_path_factory.mktemp("broken") / "weights"
    shutil.copytree(tiny_models["clip", "resnet"], broken)
    file = broken / "open_clip_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    whole_project.change_params(str(tiny_models["clip", "resnet"]), str(broken))
    before = contents(Path("data"))
    with pytest.raises(UserError, match="truncated"):
        invert.main("alone")
    assert contents(Path("data")) == before


@pytest.mark.parametrize("name", ["moongate", "Moongate"])
def test_a_concept_that_the_model_knows_by_that_name_is_refused(project, no_model, name):
    write_known({name: "a door to the moon"})
    told = f"concepts.moongate.name says 'moongate', which known.json lists as '{name}'"
    with pytest.raises(UserError, match=told):
        invert.main("alone")


def test_a_mistake_in_the_settings_is_told_before_the_model_loads(project):
    whole_project.change_params("steps: 4", "stpes: 4")
    with pytest.raises(UserError, match="runs.alone.invert.stpes.*Did you mean 'steps'"):
        invert.main("alone")
