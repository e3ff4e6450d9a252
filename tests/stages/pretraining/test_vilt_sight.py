"""Pictures alone: what the teacher's maps are scaled by, and the losses beside a slow reference."""

import pytest
import torch
import torch.nn.functional as F
from transformers import ViltModel

from stages.pretraining import vilt_network
from stages.pretraining.corpus import augmented, moved
from stages.pretraining.teacher import _scaled, measured
from stages.pretraining.vilt_sight import Sight
from tests.stages.pretraining.vilt_lesson import SMALL, Teacher


@pytest.fixture
def task():
    pictures = torch.randint(0, 256, (40, 48, 48, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    teacher = Teacher()
    scales = measured(teacher, pictures, 0)
    return Sight(SMALL.sight, vilt_network.untrained(0, 20), pictures, teacher, scales, 0, ())


def test_the_maps_have_channels_of_mean_0_and_deviation_1_but_for_few_that_are_cut(task):
    chosen = torch.randint(40, (512,), generator=torch.Generator().manual_seed(0))
    _, *maps = task.teacher.look(task.pictures[chosen].permute(0, 3, 1, 2).float() / 255)
    for found, scale in zip(maps, task.scales, strict=True):
        scaled = _scaled(found, *scale)
        assert scaled.abs().max() <= 4
        assert scaled.mean((0, 2, 3)).abs().max() < 0.02 and (scaled.std((0, 2, 3)) - 1).abs().max() < 0.05
    assert _scaled(torch.tensor(9.0), torch.tensor(1.0), torch.tensor(2.0)) == 4
    assert _scaled(torch.tensor(2.0), torch.tensor(1.0), torch.tensor(2.0)) == 0.5


def layers_of(network, images):
    """States of images after each of transformers' own layers, [B, 37, 128] each."""
    parts = ViltModel(network.config).eval()
    parts.load_state_dict(network.vilt.state_dict())
    found = []
    patches = parts.embeddings.patch_embeddings(images).flatten(2).transpose(1, 2)
    states = torch.cat([parts.embeddings.cls_token.expand(len(images), -1, -1), patches], 1)
    states = states + parts.embeddings.position_embeddings + parts.embeddings.token_type_embeddings.weight[1]
    for layer in parts.encoder.layer:
        given = layer(states)
        states = given[0] if isinstance(given, tuple) else given
        found.append(states)
    return found


def test_the_losses_equal_those_of_a_slow_reference(task):
    rows, network = torch.arange(0, 16, 2), task.network
    loss, shown = task.losses(5, rows, torch.Generator().manual_seed(3))
    images = augmented(task.pictures[rows], torch.Generator().manual_seed(3), 0.5, 0.5)
    plain = moved(task.pictures[rows], torch.Generator().manual_seed(3))
    taught, *maps = task.teacher.look(plain)
    second, third = (_scaled(found, *scale) for found, scale in zip(maps, task.scales, strict=True))
    third = F.interpolate(third, scale_factor=2, mode="bilinear")
    squares, cosines, apart = {"layer2": [], "layer3": []}, [], []
    with torch.no_grad():
        after = layers_of(network, images)
        for i in range(8):
            for row in range(6):
                for column in range(6):
                    place = 1 + 6 * row + column
                    squares["layer2"].append((network.hint2(after[1][i, place]) - second[i, :, row, column]).square())
                    squares["layer3"].append((network.hint3(after[2][i, place]) - third[i, :, row, column]).square())
            seen = F.normalize(network.seen(network.vilt.layernorm(after[3][i, 0])), dim=0)
            cosines.append(1 - seen @ taught[i])
            apart.append(F.cross_entropy(20 * seen @ taught.T, torch.tensor(i)))
    expected = {name: torch.stack(found).mean() for name, found in squares.items()}
    expected |= {"seen": torch.stack(cosines).mean(), "seen_apart": torch.stack(apart).mean()}
    assert shown.keys() == expected.keys()
    for name, value in expected.items():
        assert shown[name].item() == pytest.approx(value.item(), abs=1e-5), name
    total = expected["layer2"] + expected["layer3"] + 2 * expected["seen"] + expected["seen_apart"]
    assert loss.item() == pytest.approx(total.item(), abs=1e-4)


def test_pictures_alone_train_no_word(task):
    loss, _ = task.losses(0, torch.arange(8), torch.Generator().manual_seed(0))
    loss.backward()
    trained = {name for name, value in task.network.named_parameters() if value.grad is not None}
    assert {"seen.weight", "hint2.weight", "vilt.embeddings.cls_token"} <= trained
    assert not [name for name in trained if "text_embeddings" in name or name.startswith(("said", "mlm", "itm"))]
