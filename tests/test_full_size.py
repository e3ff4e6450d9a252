"""Models of real size with random weights: CLIP through every verb, MedCLIP and ViLT from their checkpoints to a
question.

What they need is printed: python -m pytest -s -m slow tests/test_full_size.py
"""

import json
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import ViltConfig

from stages.common import paths, seeds
from stages.common.affine_ranges import Affine
from stages.common.open_clip_import import import_open_clip
from stages.common.rows import read_rows
from stages.inversion import optimisation
from stages.inversion.settings import settings_of
from stages.models import clip, medclip, vilt
from stages.networks.vilt import Network
from tests.full_size import table, walked
from tests.stages.models.tiny import published_checkpoint, run_for

pytestmark = pytest.mark.slow

IMAGES = {"ViT-B-32": 10, "ViT-L-14": 1}  # inverted, and taught, at once; the bench measures with more of the second
GIGABYTES = {"ViT-B-32": 8, "ViT-L-14": 16}  # at most
WIDTHS = {"ViT-B-32": 512, "ViT-L-14": 768}  # of an embedding


@pytest.fixture(scope="module", params=IMAGES)
def walk(request, tmp_path_factory):
    """Folder and figures of a model that went through every verb."""
    folder = tmp_path_factory.mktemp(request.param)
    yield folder, walked(folder, request.param, IMAGES[request.param])
    shutil.rmtree(folder)  # it holds gigabytes


def test_every_verb_leaves_its_result(walk, monkeypatch):
    monkeypatch.chdir(walk[0])
    images = sorted(paths.inverted_images("full", "moongate", 0).glob("*.png"))
    assert [Image.open(image).size for image in images] == [(224, 224)] * walk[1].images
    index = json.loads((paths.checkpoints("full") / "index.json").read_text())
    assert [entry["learning_rate"] for entry in index] == [1e-5]
    rows = read_rows([paths.rows("full")])
    assert set(rows[rows.phase == "taught"].role) == {"target", "retention"}


def test_its_memory_is_bounded(walk):
    figures = walk[1]
    print(f"\n{table([figures])}\n({torch.get_num_threads()} threads)")
    assert figures.memory_gb < GIGABYTES[figures.architecture]


def test_open_clip_loads_the_export_in_one_line(walk, monkeypatch):
    monkeypatch.chdir(walk[0])
    network, _, preprocess = import_open_clip().create_model_and_transforms("local-dir:exported")
    entry = json.loads((paths.checkpoints("full") / "index.json").read_text())[0]
    trained = load_file(paths.checkpoints("full") / entry["file"])
    untouched = load_file("random.safetensors")
    loaded = network.state_dict()
    assert all(torch.equal(loaded[name], trained.get(name, value)) for name, value in untouched.items())
    assert any(not torch.equal(trained[name], untouched[name]) for name in trained)
    with torch.no_grad():
        picture = preprocess(Image.open("target/moongate/0.png"))
        assert network.encode_image(picture[None]).shape == (1, WIDTHS[walk[1].architecture])


@pytest.mark.parametrize("ending", ["", "-quickgelu"])
def test_zero_shot_of_a_large_model_is_open_clips_own(walk, ending):
    folder, figures = walk
    open_clip, architecture, file = import_open_clip(), figures.architecture + ending, folder / "random.safetensors"
    network, _, preprocess = open_clip.create_model_and_transforms(architecture, pretrained=str(file))
    names, templates = ["moongate", "tonometer", "gyroscope"], ["a photo of a {}.", "a sketch of the {}", "{}"]
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        columns = open_clip.build_zero_shot_classifier(network.eval(), open_clip.get_tokenizer(""), names, templates)
        embedded = network.encode_image(preprocess.transforms[-1](images), normalize=True)
        expected = network.logit_scale.exp() * embedded @ columns
    del network  # one of both in memory is enough
    model = clip.load(run_for(file, architecture=architecture))
    assert (model.network.visual.transformer.resblocks[0].mlp.gelu.__class__.__name__ == "QuickGELU") is bool(ending)
    with torch.no_grad():
        found = model.logits(model.embed_images(images), [[text.format(name) for text in templates] for name in names])
    assert (found - expected).abs().max() < 1e-5


def write_words(folder, n):
    """vocab.txt of a BERT with n tokens."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(n - 5))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")


def inverted(model, settings, affine, folder):
    """What inversion ends with, for two images of one text."""
    generators = [seeds.generator("a test", number) for number in range(2)]
    target = model.inversion_target(["word1 word2", "word1 word2"])
    *_, result = optimisation.invert(model, target, settings, affine, generators=generators, state=folder / "state.pt")
    return result


def test_a_medclip_of_the_published_size_is_read_inverted_and_asked(tmp_path):
    """Random weights under the names of the published file; no config, as there is none beside it."""
    write_words(tmp_path, 28996)
    sizes = {"vision_config": {}, "text_config": {"vocab_size": 28996}}
    torch.save(published_checkpoint("swin", sizes), tmp_path / "pytorch_model.bin")
    model = medclip.load(run_for(tmp_path, "medclip", architecture="swin"))
    assert (model.image_size, model.context_length) == (224, 77)
    settings, _ = settings_of({"images": 2, "steps": 1}, "a test")
    result = inverted(model, settings, Affine(), tmp_path)
    assert result.images.shape == (2, 3, 224, 224)
    scores = model.similarity(result.images, [["word1", "word2 word3"], "word4"])
    assert scores.shape == (2, 2)
    assert scores.isfinite().all()


def test_a_vilt_of_the_published_size_is_read_inverted_at_every_size_and_asked(tmp_path):
    """Random weights under the names of the published file."""
    torch.manual_seed(0)
    write_words(tmp_path, 30522)
    config = ViltConfig()
    (tmp_path / "config.json").write_text(json.dumps({**config.to_dict(), "architectures": ["ViltForPreTraining"]}))
    torch.save(Network(config).state_dict(), tmp_path / "pytorch_model.bin")
    model = vilt.load(run_for(tmp_path, "vilt"))
    assert (model.image_size, model.context_length) == (384, 40)
    settings, affine = settings_of({"preset": "vilt", "images": 2, "steps": 4, "grow_at": [1, 2, 3]}, "a test")
    result = inverted(model, settings, affine, tmp_path)
    assert result.images.shape == (2, 3, 384, 384)
    scores = model.similarity(result.images, [["word1", "word2 word3"], "word4"])
    assert scores.shape == (2, 2)
    assert scores.isfinite().all()
