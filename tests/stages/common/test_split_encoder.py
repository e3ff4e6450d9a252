"""split_encoder: both halves together are the encoder, of both makes and behind every block."""

import pytest
import torch

from stages.common.failures import UserError
from stages.common.split_encoder import above, below, blocks_of, check_block, n_blocks
from tests.stages.recipes.lessons import fresh

BLOCKS = [(kind, block) for kind in ("resnet", "vit") for block in (1, 2, 3, 4)]


@pytest.fixture
def pixels():
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def visual_of(tiny_models, kind):
    return fresh(tiny_models["clip", kind]).network.visual


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("kind", ["pooled", "patches"])
def test_the_tower_of_a_captioner_is_cut_as_well_and_pools_by_attention_if_it_does(tiny_models, pixels, kind, block):
    visual = fresh(tiny_models["coca", kind], "coca").network.visual
    assert n_blocks(visual) == 4 and (visual.attn_pool is not None) == (kind == "pooled")
    embedded, _ = visual(pixels)
    torch.testing.assert_close(above(visual, block)(below(visual, pixels, block)), embedded, atol=1e-6, rtol=0)


def test_a_tower_with_a_pool_of_its_own_for_each_task_cannot_be_cut(tiny_models):
    visual = fresh(tiny_models["coca", "pooled"], "coca").network.visual
    visual.pool_type = "none"  # as with attentional_pool: parallel
    assert n_blocks(visual) == 0


@pytest.mark.parametrize(("kind", "block"), BLOCKS)
def test_what_lies_above_goes_on_where_what_lies_below_ends(tiny_models, pixels, kind, block):
    visual = visual_of(tiny_models, kind)
    whole = visual(pixels)
    torch.testing.assert_close(above(visual, block)(below(visual, pixels, block)), whole, atol=1e-6, rtol=0)
    assert not torch.allclose(above(visual, block)(below(visual, pixels.flip(0), block)), whole)


def test_a_transformer_that_averages_its_patches_and_then_normalises_is_cut_as_well(tiny_models, pixels):
    visual = visual_of(tiny_models, "vit")
    torch.nn.init.normal_(visual.ln_post.bias)
    for visual.pool_type in ("avg", "tok"):
        for visual.final_ln_after_pool in (True, False):
            torch.testing.assert_close(above(visual, 2)(below(visual, pixels, 2)), visual(pixels), atol=1e-6, rtol=0)


def test_activations_are_feature_maps_or_tokens(tiny_models, pixels):
    maps = [below(visual_of(tiny_models, "resnet"), pixels, block).shape for block in (1, 4)]
    assert maps == [(3, 32, 8, 8), (3, 256, 1, 1)]
    assert below(visual_of(tiny_models, "vit"), pixels, 2).shape == (3, 1 + 4 * 4, 32)  # the class token stands first


@pytest.mark.parametrize(("kind", "lower", "upper"), [
    ("resnet", "layer2.0.conv1.weight", "layer3.0.conv1.weight"),
    ("vit", "transformer.resblocks.1.mlp.c_fc.weight", "transformer.resblocks.2.mlp.c_fc.weight"),
])  # fmt: skip
def test_the_upper_half_holds_the_encoders_own_parameters_behind_the_block(tiny_models, kind, lower, upper):
    visual = visual_of(tiny_models, kind)
    named, held = dict(visual.named_parameters()), list(map(id, above(visual, 2).parameters()))
    assert id(named[upper]) in held
    assert id(named[lower]) not in held


def test_a_block_that_there_is_not_is_refused_with_those_that_there_are(tiny_models):
    visual = visual_of(tiny_models, "vit")
    assert n_blocks(visual) == 4
    with pytest.raises(UserError, match="invert.block says 5, but this visual encoder has 4 blocks: write 1 to 4"):
        check_block(visual, 5, "invert.block")


def test_an_encoder_of_another_make_is_refused_with_those_that_can_be_cut(tiny_models):
    with pytest.raises(UserError, match="a TimmModel, cannot be cut .* ModifiedResNet .* VisionTransformer"):
        check_block(visual_of(tiny_models, "biomed"), 1, "invert.block")


@pytest.mark.parametrize(
    ("family", "kind", "count"),
    [("clip", "resnet", 4), ("clip", "vit", 4), ("coca", "pooled", 4), ("clip", "biomed", 6)],
)
def test_blocks_are_listed_the_lowest_first(tiny_models, pixels, family, kind, count):
    visual = fresh(tiny_models[family, kind], family).network.visual
    blocks, order = blocks_of(visual), []
    for number, block in enumerate(blocks):
        block.register_forward_hook(lambda module, taken, given, own=number: order.append((own, given)))
    visual(pixels)
    assert [own for own, _ in order] == list(range(count))
    if n_blocks(visual):
        assert all(torch.equal(given, below(visual, pixels, own + 1)) for own, given in order[:count])


class _Tower(torch.nn.Module):
    """An encoder whose trunk has its blocks under some name."""

    def __init__(self, **parts):
        super().__init__()
        self.trunk = torch.nn.Module()
        for name, part in parts.items():
            setattr(self.trunk, name, part)


def test_blocks_and_stages_of_timm_are_known_and_what_is_of_another_make_has_none():
    inner = [torch.nn.Linear(2, 2) for _ in range(3)]
    for name in ("blocks", "stages", "layers"):
        assert blocks_of(_Tower(**{name: torch.nn.Sequential(*inner)})) == inner
    stages = {f"layer{number}": torch.nn.Identity() for number in (1, 2, 3, 4)}
    assert blocks_of(_Tower(**stages)) == [*stages.values()]
    assert blocks_of(_Tower(body=torch.nn.Sequential(*inner))) == [] and blocks_of(torch.nn.Linear(2, 2)) == []


def test_a_transformer_that_has_images_second_has_no_blocks_that_maps_could_be_read_of():
    transformer = torch.nn.Module()
    transformer.batch_first, transformer.resblocks = False, torch.nn.ModuleList([torch.nn.Identity()])
    assert blocks_of(_Tower(transformer=transformer)) == []
