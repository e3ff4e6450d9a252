"""Importing open_clip leaves out what is not used, hides nothing for good, and brings it in when it is needed."""

import subprocess
import sys

import pytest

from stages.common.open_clip_import import architectures, libraries_of, read_config

QUICK = """
import sys
from stages.common.open_clip_import import import_open_clip
open_clip = import_open_clip()
spared = [name for name in ("transformers", "timm", "torch._dynamo") if name in sys.modules]
assert not spared, spared
assert import_open_clip() is open_clip
"""

LATER = """
import torch, torchvision
from stages.common.open_clip_import import import_open_clip
first = import_open_clip()
box = torch.tensor([[0, 0, 0, 4, 4.0]])
assert torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), box, 2).sum() == 4  # asks the real torch._dynamo.utils
assert torch._dynamo.__file__
import transformers
second = import_open_clip(frozenset({"timm"}))
assert second is not first and second.timm_model.timm is not None and second.hf_model.transformers is None
assert transformers.__version__ and sys.modules["transformers"] is transformers
third = import_open_clip(frozenset({"transformers"}))
assert third.hf_model.transformers is transformers
assert import_open_clip() is third
"""


def in_a_fresh_process(code):
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_unused_libraries_are_not_imported():
    in_a_fresh_process(QUICK)


@pytest.mark.slow
def test_what_was_hidden_can_be_used_later():
    in_a_fresh_process("import sys\n" + LATER)


def test_architectures_are_listed_with_what_they_need():
    known = architectures()
    assert libraries_of(read_config(known["ViT-B-32"])) == set()
    assert libraries_of(read_config(known["ViT-B-16-SigLIP"])) == {"timm"}
    assert libraries_of(read_config(known["roberta-ViT-B-32"])) == {"transformers"}
