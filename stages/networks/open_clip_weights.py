"""Networks of open_clip from every place where its weights may lie: folder, checkpoint, pretrained tag, hub."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from safetensors.torch import save_file
from torch import Tensor, nn

from stages.common import biomedclip
from stages.common.failures import UserError
from stages.common.flat_products import flatten_products
from stages.common.lookup import nearest
from stages.common.open_clip_import import OPTIONAL, architectures, import_open_clip, libraries_of, read_config
from stages.common.params import Run
from stages.common.weight_files import CONFIG, OPEN_CLIP, is_biomedclip
from stages.common.weights import copies, expand_token_rows, load_into, read_weights

WEIGHTS = OPEN_CLIP[0]
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model")
OLDER_WORDS = {"proj": "hf_proj_type", "pooler_type": "hf_pooler_type"}  # of a text_cfg with an encoder of transformers


@dataclass(frozen=True)
class Loaded:
    """A network with its weights, and what goes with it.

    Attributes:
        network: CLIP, CustomTextCLIP or CoCa of open_clip, float32, on the CPU.
        tokenizer: texts -> token matrix [M, context_length].
        config: {"model_cfg": ..., "preprocess_cfg": ...}, complete: what open_clip_config.json of an export holds.
    """

    network: nn.Module
    tokenizer: Callable
    config: dict


def load_open_clip(run: Run, *, decodes: bool) -> Loaded:
    """The network that `weights`, `architecture` and `pretrained` of a run name.

    Args:
        run: of which nothing else is read.
        decodes: whether it must have a decoder that writes captions, or must have none.

    Raises:
        UserError: one line, for: a missing folder or file, an unknown architecture, pretrained tag or config, a
            checkpoint of another architecture, a truncated file, NaN, no tokenizer, no way to the hub or into a model
            that is gated there; a decoder where none must be, or none where one must be.
    """
    with _opened(run) as source:
        _refuse_other_kind(run, source, decodes=decodes)
        open_clip = import_open_clip(libraries_of(source.model_cfg))
        network = _built(open_clip, source)
        state = expand_token_rows(read_weights(source.weights), getattr(network, "text", network).vocab_size)
        load_into(network, _as_this_version(open_clip, network, state), source.weights)
        flatten_products(network.visual)
        config = {"model_cfg": source.model_cfg, "preprocess_cfg": _preprocess(open_clip, network, source)}
        return Loaded(network, _tokenizer(open_clip, source), config)


def write_open_clip(model: Loaded, folder: Path) -> None:
    """Writes open_clip_config.json and open_clip_model.safetensors (float32, the whole token table) into a folder.

    open_clip.create_model_and_transforms("local-dir:FOLDER") then gives a network with equal outputs, up to rounding.
    Where the text encoder is one of transformers, its config.json and the tokenizer's files are written too;
    open_clip brings its own tokenizer along.
    """
    save_file(copies(model.network, model.network.state_dict()), folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(model.config, indent=2) + "\n", encoding="utf-8")
    if hasattr(model.tokenizer, "save_pretrained"):
        model.tokenizer.save_pretrained(folder)
    if "hf_model_name" in model.config["model_cfg"]["text_cfg"]:
        model.network.text.config.save_pretrained(folder)


def fetch(run: Run) -> None:
    """Get the config and the weights that a run asks a hub for into the cache; raises as `load_open_clip` does."""
    with _opened(run):
        pass


@dataclass(frozen=True)
class _Source:
    """What a model is made of: configs as in open_clip_config.json, a weights file, the tokenizer's name.

    folder: where the other files of the model lie; None where they are not on disk.
    """

    model_cfg: dict
    preprocess_cfg: dict
    weights: Path
    tokenizer: str
    folder: Path | None = None


@contextmanager
def _opened(run: Run) -> Iterator[_Source]:
    """The source of a run, whose files may be gone after the block."""
    if run.architecture is None and run.weights and is_biomedclip(folder := Path(run.weights)):
        with biomedclip.open_clip_folder(folder) as made:
            yield _read_source(made / CONFIG, biomedclip.weights_in(folder), f"local-dir:{made}", made)
    else:
        yield _source(run)


def _source(run: Run) -> _Source:
    if run.architecture is None:
        return _from_folder(run)
    if run.architecture.startswith("hf-hub:"):
        return _from_hub(run.architecture)
    name, known = run.architecture.replace("/", "-"), architectures()
    if name not in known:
        raise UserError(
            f"params.yaml: runs.{run.key}.architecture says {run.architecture!r}, which open_clip does not have."
            f"{nearest(name, known)} It has {len(known)}, such as RN50, ViT-B-32, ViT-L-14."
        )
    model_cfg = read_config(known[name])
    if run.pretrained is not None:
        return _from_tag(run, name, model_cfg)
    run.require("weights")
    weights = Path(run.weights)
    return _Source(model_cfg, {}, _weights_in(run, weights) if weights.is_dir() else weights, name)


def _refuse_other_kind(run: Run, source: _Source, *, decodes: bool) -> None:
    if ("multimodal_cfg" in source.model_cfg) == decodes:
        return
    found = "no multimodal_cfg, and so no decoder" if decodes else "a multimodal_cfg, a decoder of captions"
    raise UserError(
        f"params.yaml: runs.{run.key}.family says {run.family!r}, but the config of {run.architecture or run.weights} "
        f"has {found}: write family: {'clip' if decodes else 'coca'}."
    )


def _from_folder(run: Run) -> _Source:
    run.require("weights")
    folder = Path(run.weights)
    if not (folder / CONFIG).is_file():
        raise UserError(
            f"params.yaml: runs.{run.key}.weights says {run.weights!r}, which is no folder with {CONFIG}. "
            "For a single checkpoint file write its `architecture` too."
        )
    return _read_source(folder / CONFIG, _weights_in(run, folder), f"local-dir:{folder}", folder)


def _weights_in(run: Run, folder: Path) -> Path:
    found = [folder / name for name in OPEN_CLIP if (folder / name).is_file()]
    if not found:
        wanted = ", ".join(OPEN_CLIP)
        raise UserError(f"params.yaml: runs.{run.key}.weights says {run.weights!r}, which holds none of: {wanted}.")
    return found[0]


def _from_hub(architecture: str) -> _Source:
    fetch = import_open_clip(OPTIONAL).pretrained.download_pretrained_from_hf
    model_id = architecture.removeprefix("hf-hub:")
    try:
        return _read_source(Path(fetch(model_id, filename=CONFIG)), Path(fetch(model_id)), architecture)
    except OSError as error:
        raise UserError(_unreachable(architecture, error)) from error


def _read_source(config: Path, weights: Path, tokenizer: str, folder: Path | None = None) -> _Source:
    try:
        content = read_config(config)
        model_cfg = _in_words_of_today(content["model_cfg"])
        return _Source(model_cfg, content.get("preprocess_cfg", {}), weights, tokenizer, folder)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{config} is no config of open_clip: {type(error).__name__} {error}") from error


def _from_tag(run: Run, name: str, model_cfg: dict) -> _Source:
    pretrained = import_open_clip(libraries_of(model_cfg)).pretrained
    tag = pretrained.get_pretrained_cfg(name, run.pretrained)
    if not tag:
        tags = pretrained.list_pretrained_tags_by_model(name)
        raise UserError(
            f"params.yaml: runs.{run.key}.pretrained says {run.pretrained!r}, which open_clip does not have for {name}."
            f"{nearest(run.pretrained, tags)} It has: {', '.join(tags) or 'none'}."
        )
    # weights trained with QuickGELU give poor features without it, and the reverse, with no other sign of it
    is_quick = tag.get("quick_gelu", False) or model_cfg.get("quick_gelu", False)
    model_cfg = {**model_cfg, "quick_gelu": is_quick}
    try:
        return _Source(model_cfg, tag, Path(pretrained.download_pretrained(tag)), name)
    except (OSError, RuntimeError) as error:
        raise UserError(_unreachable(f"the weights {run.pretrained!r} of {name}", error)) from error


def _in_words_of_today(model_cfg: dict) -> dict:
    if "transformers" not in libraries_of(model_cfg):
        return model_cfg
    text_cfg = {OLDER_WORDS.get(word, word): value for word, value in model_cfg["text_cfg"].items()}
    return {**model_cfg, "text_cfg": text_cfg}


def _unreachable(what: str, error: Exception) -> str:
    """Why the hub did not give something, and how to get it."""
    from huggingface_hub import errors

    causes = list(_causes(error))

    def is_one(*kinds: type[Exception]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if is_one(errors.GatedRepoError):
        return (
            f"{what} could not be fetched: its owner asks everyone to agree to terms first. Do so on its page at "
            "huggingface.co, then `hf auth login`, or set HF_TOKEN to a token of yours."
        )
    if is_one(errors.RepositoryNotFoundError):
        return (
            f"{what} could not be fetched: the hub has no model of this name, or a private one. Look at the spelling; "
            "for a private one `hf auth login`, or set HF_TOKEN to a token that may read it."
        )
    if is_one(errors.RemoteEntryNotFoundError):
        missing = next(cause for cause in causes if isinstance(cause, errors.RemoteEntryNotFoundError))
        return f"{what} could not be fetched: it is not in open_clip's layout. The hub said: {_first_line(missing)}"
    return (
        f"{what} could not be fetched: {_first_line(causes[-1])}. Fetch it once with a network (it stays in the cache "
        "of huggingface_hub; HF_HUB_OFFLINE=1 asks that alone), or name a folder or checkpoint in `weights`."
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")


def _built(open_clip: ModuleType, source: _Source) -> nn.Module:
    """The network with random weights; open_clip's create_model would do it too, but fetches and loads as it goes."""
    config = copy.deepcopy(source.model_cfg)
    text_cfg = config["text_cfg"]
    asked = text_cfg.get("hf_model_name")
    is_custom = config.pop("custom_text", False) or asked is not None
    if asked is not None:
        text_cfg["hf_model_pretrained"] = False
        if source.folder and (source.folder / "config.json").is_file():
            text_cfg["hf_model_name"] = str(source.folder)
    custom = open_clip.CoCa if "multimodal_cfg" in config else open_clip.CustomTextCLIP
    try:
        return (custom if is_custom else open_clip.CLIP)(**config)
    except (TypeError, ValueError, KeyError) as error:
        raise UserError(f"the config beside {source.weights} is none that open_clip can build: {error}") from error
    except OSError as error:
        told = _unreachable(f"the config of {asked}", error)
        hint = f" Or put its config.json into {source.folder}." if source.folder else ""
        raise UserError(told + hint) from error


def _tokenizer(open_clip: ModuleType, source: _Source) -> Callable:
    asked = source.model_cfg["text_cfg"].get("hf_tokenizer_name")
    if asked and source.folder and not any((source.folder / name).is_file() for name in TOKENIZER_FILES):
        # without this check transformers makes up a tokenizer that knows no word
        raise UserError(
            f"{source.folder} holds no tokenizer ({', '.join(TOKENIZER_FILES[:2])}, ...). Put the tokenizer's files of "
            f"{asked} there: `hf download {asked} --include 'tokenizer*' 'vocab*' --local-dir {source.folder}`."
        )
    try:
        return open_clip.get_tokenizer(source.tokenizer)
    except OSError as error:
        raise UserError(_unreachable(f"the tokenizer of {source.tokenizer}", error)) from error
    except ValueError as error:
        raise UserError(f"the tokenizer of {source.tokenizer} cannot be read: {_first_line(error)}") from error


def _preprocess(open_clip: ModuleType, network: nn.Module, source: _Source) -> dict:
    config = open_clip.transform.merge_preprocess_dict(open_clip.transform.PreprocessCfg(), source.preprocess_cfg)
    size = network.visual.image_size
    height, width = size if isinstance(size, tuple | list) else (size, size)
    if height != width:
        raise UserError(f"{source.weights} is a model for {height} x {width} pixels; only squares are supported.")
    return {**config, "size": height}


def _as_this_version(open_clip: ModuleType, network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Older and foreign layouts of a state dict in the layout of this open_clip; the network's own passes unchanged."""
    state = {name.removeprefix("model."): value for name, value in state.items()}  # of open_clip's training tasks
    state = open_clip.factory.convert_state_dict(network, biomedclip.in_open_clips_names(state))
    own_names = network.state_dict().keys()
    # transformers kept the numbers of a text's places in its files once
    state = {name: value for name, value in state.items() if name in own_names or not name.endswith(".position_ids")}
    if "positional_embedding" in state and not hasattr(network, "positional_embedding"):
        state = open_clip.factory.convert_to_custom_text_state_dict(state)
    for name in ("logit_scale", "logit_bias"):
        own = getattr(network, name, None)
        if name in state and own is not None and state[name].numel() == own.numel():
            state = {**state, name: state[name].reshape(own.shape)}
    return state
