"""open_clip's vision transformer says the same with flat products as without, forwards and backwards."""

import pytest
import torch

from stages.common.flat_products import FlatAttention, FlatPatches, flatten_products
from stages.common.open_clip_import import import_open_clip
from tests.stages.models.tiny import RESNET, VIT, config


def tower(**vision):
    torch.manual_seed(0)
    return import_open_clip().CLIP(**config({**VIT, **vision})).visual.eval()


def seen(visual, wanted):
    """Embeddings of three images, and gradients of a sum of them, of `wanted` parameters and of the pixels."""
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)).requires_grad_()
    embedded = visual(images)
    inputs = [images, *(dict(visual.named_parameters())[name] for name in wanted)]
    return [embedded, *torch.autograd.grad(embedded.square().sum(), inputs)]


@pytest.mark.parametrize("vision", [{}, {"pool_type": "avg"}, {"ls_init_value": 0.1}, {"no_ln_pre": True}], ids=str)
def test_outputs_and_gradients_stay(vision):
    names = ["conv1.weight", "transformer.resblocks.1.attn.in_proj_weight", "transformer.resblocks.3.attn.in_proj_bias"]
    before = seen(tower(**vision), names)
    visual = tower(**vision)
    flatten_products(visual)
    assert isinstance(visual.conv1, FlatPatches)
    assert all(isinstance(block.attn, FlatAttention) for block in visual.transformer.resblocks)
    for ours, theirs in zip(seen(visual, names), before, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_names_and_values_of_the_parameters_stay():
    before = tower().state_dict()
    visual = tower()
    flatten_products(visual)
    assert list(visual.state_dict()) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in visual.state_dict().items())


def test_the_parameters_are_the_networks_own_and_not_copies():
    visual = tower()
    own = dict(visual.named_parameters())
    flatten_products(visual)
    assert all(parameter is own[name] for name, parameter in visual.named_parameters())


def test_an_attention_of_another_kind_stays():
    visual = tower(scale_attn_inner=True, block_type="custom")
    kinds = [type(block.attn) for block in visual.transformer.resblocks]
    flatten_products(visual)
    assert [type(block.attn) for block in visual.transformer.resblocks] == kinds


def test_a_tower_of_another_make_stays():
    visual = import_open_clip().CLIP(**config(RESNET)).visual.eval()
    kinds = [type(module) for module in visual.modules()]
    flatten_products(visual)
    assert [type(module) for module in visual.modules()] == kinds
