"""Imports open_clip in about half its usual time, by leaving out what the model at hand does not use.

A plain `import open_clip` takes 9-15 s on a slow core, of which torch is 4 s. Measured beside it (one core, warm disk):
transformers 2 s (open_clip asks it for a class that it no longer has, then does without), timm 1 s, and
torch._dynamo 5-6 s (timm imports it, and so does torchvision for one function of roi_align). open_clip itself treats
transformers and timm as optional, so hiding them is a way that it provides for.
"""

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

OPTIONAL = frozenset({"transformers", "timm"})


def architectures() -> dict[str, Path]:
    """Name -> config file of each architecture that open_clip ships; imports nothing."""
    home = Path(find_spec("open_clip").origin).parent / "model_configs"
    return {path.stem: path for path in sorted(home.glob("*.json"))}


def libraries_of(config: dict) -> frozenset[str]:
    """Which of the optional libraries a model of this config needs.

    Args:
        config: open_clip's model config: {"embed_dim": ..., "vision_cfg": {...}, "text_cfg": {...}}.
    """
    needs_transformers = "hf_model_name" in config["text_cfg"]
    needs_timm = "timm_model_name" in config["vision_cfg"]
    return frozenset(["transformers"] * needs_transformers + ["timm"] * needs_timm)


def import_open_clip(needs: frozenset[str] = frozenset()) -> ModuleType:
    """open_clip, with only the optional libraries in `needs` imported beside it.

    All of them stay importable for everyone else. When an earlier call in this process hid one that is needed now,
    open_clip is imported again; models made before keep working.

    Args:
        needs: a subset of OPTIONAL; see `libraries_of`.
    """
    if "open_clip" in sys.modules and _lacking() & needs:
        for name in [name for name in sys.modules if name.partition(".")[0] == "open_clip"]:
            del sys.modules[name]
    if "open_clip" not in sys.modules:
        _import_torchvision()
        with _hidden(OPTIONAL - needs):
            importlib.import_module("open_clip")
    return sys.modules["open_clip"]


def read_config(path: Path) -> dict:
    """The JSON of an open_clip config file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _lacking() -> frozenset[str]:
    open_clip = sys.modules["open_clip"]
    found = {"transformers": open_clip.hf_model.transformers, "timm": open_clip.timm_model.timm}
    return frozenset(name for name, module in found.items() if module is None)


@contextlib.contextmanager
def _hidden(names: frozenset[str]) -> Iterator[None]:
    """Makes `import NAME` fail inside, and puts back what was there."""
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(dict.fromkeys(names))  # None is Python's own mark for "not to be imported"
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(before)


def _import_torchvision() -> None:
    """Imports torchvision with a stand-in for torch._dynamo.utils, of which it wants a function called later, if ever.

    The stand-in is gone when the import is over, and its function then asks the real one. It saves 5 s where nothing
    is trained; torch's optimisers import the real module with their first parameter.
    """
    if "torch._dynamo" in sys.modules or "torchvision" in sys.modules:
        return
    package, utils = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    package.__path__ = []
    utils.is_compile_supported = _is_compile_supported
    sys.modules.update({"torch._dynamo": package, "torch._dynamo.utils": utils})
    try:
        importlib.import_module("torchvision.ops")
    finally:
        del sys.modules["torch._dynamo"], sys.modules["torch._dynamo.utils"]


def _is_compile_supported(device_type: str) -> bool:
    return importlib.import_module("torch._dynamo.utils").is_compile_supported(device_type)
