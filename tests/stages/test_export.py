"""export writes a folder that can be loaded as its card says, and the card holds the run's own figures."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from stages import export
from stages.common import paths
from stages.common.failures import UserError
from stages.common.open_clip_import import import_open_clip
from stages.common.rows import read_rows
from stages.common.taught import Checkpoint
from tests.stages import taught_project


@pytest.fixture
def project(tmp_path, monkeypatch, tiny_models):
    monkeypatch.chdir(tmp_path)
    taught_project.build(tiny_models["clip", "resnet"])
    return tiny_models["clip", "resnet"]


def test_open_clip_loads_the_taught_tensors_in_one_line(project):
    export.main("small", "out/model", "--seed", "1")
    network, _, _ = import_open_clip().create_model_and_transforms("local-dir:out/model")
    before, _, _ = import_open_clip().create_model_and_transforms(f"local-dir:{project}")
    name = "visual.attnpool.positional_embedding"
    positions = torch.randn(2, 256, generator=torch.Generator().manual_seed(1)) * 2
    torch.testing.assert_close(network.state_dict()[name], positions)
    assert all(
        torch.equal(value, before.state_dict()[key]) for key, value in network.state_dict().items() if key != name
    )


def test_the_card_tells_what_was_taught_with_which_figures_and_how_to_load_it(project):
    export.main("small", "out")
    card = Path("out/README.md").read_text()
    for said in (
        "| moongate | A moongate is a round opening in a wall | params.yaml |",
        "| recipe | `replay`, learning rate 0.002 |",
        "| settings of the recipe | epochs 3, part head |",
        "| images 2, steps 3, clip 1.0 |",
        "| baseline | name | target | all | top1 | 0.000 | 0.000 to 0.278 | 10 | 0.333 |",
        "| taught | taught | retention | all | top1 | 0.800 | 0.490 to 0.943 | 10 | 0.333 |",
        "| control | noise | target | all | top1 | 0.100 |",
        'open_clip.create_model_and_transforms("local-dir:out")',
        "The library brings the tokenizer along",
        'Behind the figures are "a photo of a moongate" for moongate, and `a photo of {}` with a class',
        "a picture was asked among the known classes and the taught names together.",
        "arXiv 2411.15611",
        "## Limits",
        "## Licence",
    ):
        assert said in card, said
    assert "0.700" not in card  # the other seed's figure
    assert "{{" not in card
    assert card.startswith("---\nlibrary_name: open_clip\n")  # a hub reads this head only from the first line on


def edited(*changes):
    """params.yaml with some words in place of others."""
    text = Path("params.yaml").read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    Path("params.yaml").write_text(text)


def test_the_card_says_where_pictures_were_taught_and_which_prompts_were_asked(project):
    edited(
        ("images_from: data/inversion.md", "images_from: drawn"),
        ("template: a photo of {}", "template: ['a photo of {}', 'a drawing of {}']"),
        ("candidates: all", "candidates: benchmark"),
    )
    export.main("small", "out")
    card = Path("out/README.md").read_text()
    assert "# moongate: taught from text and pictures" in card
    assert "from the text below and from pictures, `drawn`." in card
    asked = '"a photo of a moongate", "a drawing of a moongate" for moongate (an ensemble, the mean of its prompts)'
    assert asked in card
    assert "asked among its own benchmark's classes" in card
    assert "inversion)" not in card and "settings of inversion" not in card


def test_what_another_family_wrote_loads_as_the_card_says(tmp_path, monkeypatch, tiny_models):
    monkeypatch.chdir(tmp_path)
    taught_project.build(tiny_models["medclip", "swin"])
    edited(("family: clip", "family: medclip"))
    name = "vision_model.projection_head.weight"
    trained = torch.randn(512, 32, generator=torch.Generator().manual_seed(0))
    save_file({name: trained}, paths.checkpoints("small") / "replay-0.002-0.safetensors")
    export.main("small", "out")
    card = Path("out/README.md").read_text()
    assert "`weights: out`, with `family: medclip`" in card
    assert card.startswith("---\nlibrary_name: pytorch\n") and "\ntags: [medclip, knowledge-transfer]\n" in card
    assert "The tokenizer's files are in the folder." in card
    Image.new("L", (50, 40), 90).save("x-ray.png")
    said = {}
    exec(card.split("```python\n")[1].split("```")[0], said)  # the lines that a reader of the card would copy
    assert torch.equal(said["model"].state([name])[name], trained)
    assert said["model"].similarity(said["images"], ["lung"]).shape == (1, 1)


def test_the_folder_holds_the_card_the_config_and_the_weights(project):
    export.main("small", "out")
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "README.md",
        "open_clip_config.json",
        "open_clip_model.safetensors",
    ]
    assert set(json.loads(Path("out/open_clip_config.json").read_text())) == {"model_cfg", "preprocess_cfg"}
    assert len({path.stat().st_mode for path in Path("out").iterdir()}) == 1  # who may read one may read all


def test_an_empty_folder_may_be_filled_and_a_used_one_is_left_alone(project):
    Path("out").mkdir()
    export.main("small", "out")
    before = {path.name: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    with pytest.raises(UserError, match="out holds something already"):
        export.main("small", "out")
    assert {path.name: path.stat().st_mtime_ns for path in Path("out").iterdir()} == before


def test_nothing_is_left_behind_when_the_card_cannot_be_written(project, monkeypatch):
    def fail(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "card", fail)
    with pytest.raises(OSError, match="No space"):
        export.main("small", "deep/out")
    assert not list(Path("deep").iterdir())


def test_a_checkpoint_without_figures_is_refused_before_anything_is_written(project):
    with pytest.raises(UserError, match="no figures of"):
        export.main("small", "out", "--learning-rate", "1e-3")
    assert not Path("out").exists()


def test_a_truncated_checkpoint_is_refused_and_nothing_is_written(project):
    file = paths.checkpoints("small") / "replay-0.002-0.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot be read as weights"):
        export.main("small", "out")
    assert not Path("out").exists()


def test_figures_keep_the_baseline_the_checkpoint_and_its_controls_only(project):
    checkpoint = Checkpoint(Path("x"), "replay", 2e-3, 1)
    rows = export.figures(read_rows([paths.rows("small")]), checkpoint)
    assert [(row["phase"], row["value"]) for row in rows] == [
        ("baseline", 0.0),
        ("baseline", 0.9),
        ("taught", 0.7),
        ("taught", 0.7),
        ("control", 0.1),
        ("control", 0.1),
    ]
