"""What open_clip's towers have in common: which of their parameters are the top."""

import pytest

from stages.common.failures import UserError
from stages.networks import two_towers


@pytest.mark.parametrize(
    ("names", "top"),
    [
        (["visual.layer3.0.w", "visual.layer4.0.w", "visual.layer4.2.w", "visual.attnpool.q"], [1, 2, 3]),
        (
            [f"visual.transformer.resblocks.{i}.w" for i in range(12)] + ["visual.proj", "visual.conv1.w"],
            [9, 10, 11, 12],
        ),
        (
            ["visual.trunk.stages.0.w", "visual.trunk.stages.3.w", "visual.trunk.norm.w", "visual.head.proj.w"],
            [1, 2, 3],
        ),
        (["visual.trunk.layer1.0.w", "visual.trunk.layer4.0.w", "visual.trunk.bn1.w", "visual.head.proj.w"], [1, 3]),
        (["visual.trunk.layers.0.w", "visual.trunk.layers.1.w", "visual.trunk.patch_embed.w"], [1]),
        (["visual.proj", "visual.transformer.resblocks.0.w", "visual.ln_pre.w", "visual.ln_post.w"], [0, 1, 3]),
    ],
    ids=["resnet", "vit", "convnext", "timm resnet", "swin", "one block"],
)
def test_last_stage_is_the_top_quarter_and_what_follows(names, top):
    assert two_towers.last_stage(names) == [names[place] for place in top]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["visual.layer4.0.w", "visual.attnpool.q_proj.weight", "visual.attnpool.c_proj.weight"], [1, 2]),
        (["visual.proj", "visual.transformer.resblocks.0.mlp.c_proj.weight", "visual.ln_post.weight"], [0, 2]),
        (["visual.trunk.norm.w", "visual.head.proj.weight", "visual.trunk.stages.3.w"], [0, 1]),
    ],
    ids=["resnet", "vit", "timm"],
)
def test_head_is_what_follows_the_last_block(names, wanted):
    assert two_towers.head(names) == [names[place] for place in wanted]


def test_head_of_an_unknown_tower_is_an_error():
    with pytest.raises(UserError, match="Use last_stage"):
        two_towers.head(["visual.layer4.0.w"])


def test_last_stage_of_an_unknown_tower_is_an_error():
    with pytest.raises(UserError, match="Use visual_encoder"):
        two_towers.last_stage(["visual.cells.0.w"])
