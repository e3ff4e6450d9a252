"""Random SAMs small enough for a test, as folders that transformers reads."""

from pathlib import Path

import torch

SIZE = 64  # pixels that the tiny models see


def sam_folder(path: Path) -> None:
    """Writes a random SAM and its processor into a folder."""
    from transformers import SamConfig, SamImageProcessor, SamModel, SamProcessor

    vision = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": SIZE, "patch_size": 8}
    vision |= {"output_channels": 8, "window_size": 4, "global_attn_indexes": [1], "mlp_dim": 24, "num_pos_feats": 4}
    prompt = {"hidden_size": 8, "image_size": SIZE, "patch_size": 8, "mask_input_channels": 4}
    config = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=_decoder())
    sizes = {"size": {"longest_edge": SIZE}, "pad_size": {"height": SIZE, "width": SIZE}}
    masks = {"mask_size": {"longest_edge": SIZE // 4}, "mask_pad_size": {"height": SIZE // 4, "width": SIZE // 4}}
    torch.manual_seed(0)
    _write(SamModel(config), path, spread=0.4)
    SamProcessor(SamImageProcessor(**sizes, **masks)).save_pretrained(path)


def sam2_folder(path: Path) -> None:
    """Writes a random SAM 2 and its processor into a folder."""
    from transformers import Sam2Config, Sam2ImageProcessor, Sam2Model, Sam2Processor

    blocks = {"hidden_size": 8, "num_attention_heads": 1, "image_size": [SIZE, SIZE], "blocks_per_stage": [1, 2, 1, 1]}
    blocks |= {"embed_dim_per_stage": [8, 16, 24, 32], "num_attention_heads_per_stage": [1, 2, 2, 4]}
    blocks |= {"window_size_per_stage": [4, 4, 2, 2], "global_attention_blocks": [2], "mlp_ratio": 2.0}
    blocks |= {"window_positional_embedding_background_size": [4, 4], "model_type": "sam2_hiera_det_model"}
    sides = [[SIZE // 4] * 2, [SIZE // 8] * 2, [SIZE // 16] * 2]
    vision = {"backbone_config": blocks, "backbone_channel_list": [32, 24, 16, 8], "backbone_feature_sizes": sides}
    vision |= {"fpn_hidden_size": 8}
    prompt = {"hidden_size": 8, "image_size": SIZE, "patch_size": 16, "mask_input_channels": 4}
    config = Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=_decoder())
    torch.manual_seed(7)
    _write(Sam2Model(config), path, spread=0.2)
    size = {"height": SIZE, "width": SIZE}
    Sam2Processor(Sam2ImageProcessor(size=size, mask_size=size)).save_pretrained(path)


def _decoder() -> dict:
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "mlp_dim": 16, "num_hidden_layers": 2}
    return {**sizes, "iou_head_hidden_dim": 8, "attention_downsample_rate": 1}


def _write(network: torch.nn.Module, path: Path, spread: float) -> None:
    """`spread` is such that masks of different prompts differ."""
    for name, parameter in network.named_parameters():
        if "norm" not in name.lower():
            torch.nn.init.normal_(parameter, std=spread if parameter.ndim > 1 else 0.1)
    network.save_pretrained(path)


FOLDERS = {"sam": sam_folder, "sam2": sam2_folder}  # what makes the weights of each segmenter that needs some
