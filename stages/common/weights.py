"""Weight files of every usual kind read into one state dict, checked before a network sees it."""

import pickle
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from stages.common.failures import UserError

PROJECTION = "text_decoder.text_projection"
NEVER_MET = -30.0  # a score; e^-30 of 49 000 tokens together is nothing beside that of a word
LEAST_SUM = 0.1  # below, the column is so large that rounding of the norm moves the score by more than 0.01
SHOWN = 4  # names listed in an error; a checkpoint of another architecture differs in hundreds


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict as float32 on the CPU.

    Takes .safetensors, and .pt, .pth or .bin without running any code that they may hold (weights_only). The state
    dict of a training checkpoint, {"state_dict": ...}, is taken out; the prefix "module." of data-parallel training
    is cut off.

    Raises:
        UserError: no such file, a truncated or foreign file, something else than tensors in it, or NaN or infinity.
    """
    with _told(path):
        state = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path} holds no state dict: a mapping of names to tensors, or one under 'state_dict'.")
    state = {name.removeprefix("module."): _as_float32(value) for name, value in state.items()}
    _refuse_non_finite(path, state)
    return state


def names_in(path: Path) -> list[str]:
    """The names of the tensors of a .safetensors file, whose values are not read.

    Raises:
        UserError: no such file, or one that is truncated or foreign.
    """
    with _told(path), safe_open(path, "pt") as file:
        return list(file.keys())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What goes wrong while a weights file is read, as one line.

    Raises:
        UserError: instead of whatever was raised inside, or where there is no such file.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such weights file.")
    try:
        yield
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        if "TorchScript" in str(error):
            reason = "it holds code, which is never run. For OpenAI's own files write `pretrained: openai` instead"
        raise UserError(f"{path} cannot be read as weights; truncated or of another kind: {reason}") from error


def _unpickled(path: Path) -> object:
    content = torch.load(path, map_location="cpu", weights_only=True)
    return content.get("state_dict", content) if isinstance(content, dict) else content


def _as_float32(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _refuse_non_finite(path: Path, state: dict[str, Tensor]) -> None:
    broken = [name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise UserError(f"{path} holds NaN or infinity in {len(broken)} tensors: {_listed(broken)}.")


def expand_token_rows(state: dict[str, Tensor], vocab_size: int) -> dict[str, Tensor]:
    """Give a compact token embedding all its rows, and a decoder all its columns; other state dicts pass unchanged.

    A small model has met a few of the tokens only. Its file may then hold just those rows of "token_embedding.weight"
    and those columns of "text_decoder.text_projection", and their places in a tensor "token_rows" (int32). The rows
    that were never trained become 0; the columns give the score NEVER_MET, so that no such token is written.

    Args:
        state: a state dict, perhaps with "token_rows".
        vocab_size: rows of the whole table.

    Raises:
        UserError: the norm before the decoder's projection is such that no column gives that score.
    """
    if "token_rows" not in state:
        return state
    rows = state["token_rows"].long()
    name = next(name for name in state if name.endswith("token_embedding.weight"))
    table = torch.zeros(vocab_size, state[name].shape[1])
    table[rows] = state[name]
    whole = {key: value for key, value in state.items() if key != "token_rows"} | {name: table}
    if PROJECTION in state:
        columns = _column_never_met(state)[:, None].repeat(1, vocab_size)
        columns[:, rows] = state[PROJECTION]
        whole[PROJECTION] = columns
    return whole


def _column_never_met(state: dict[str, Tensor]) -> Tensor:
    """The column [width] whose product with whatever leaves the decoder's last norm is NEVER_MET.

    The norm gives n g + b for its weight g and bias b, and the elements of n sum to 0. The column c / g thus gives
    c sum(n) + c sum(b / g) = c sum(b / g), the same for every input.
    """
    weight, bias = (state[f"text_decoder.ln_final.{kind}"] for kind in ("weight", "bias"))
    total = (bias / weight).sum()
    if not total.abs() >= LEAST_SUM:
        raise UserError(
            "this checkpoint has token_rows, but the biases of its text_decoder.ln_final, each over its weight, sum to "
            f"{total:.3g}: at least {LEAST_SUM} is needed, or rounding decides about tokens that were never met."
        )
    return NEVER_MET / total / weight


def load_into(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Load a state dict whose names and shapes are exactly the network's.

    Raises:
        UserError: they are not; the message counts what is missing, unknown and of another shape, and lists a few.
    """
    wanted = network.state_dict()
    shapes = [
        f"{name} {[*state[name].shape]} instead of {[*value.shape]}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    differences = {
        "missing": [name for name in wanted if name not in state],
        "unknown": [name for name in state if name not in wanted],
        "of another shape": shapes,
    }
    told = [f"{len(names)} {kind} ({_listed(names)})" for kind, names in differences.items() if names]
    if told:
        raise UserError(f"{path} is a checkpoint of another architecture: {'; '.join(told)}.")
    network.load_state_dict(state)


def copies(network: nn.Module, names: Iterable[str]) -> dict[str, Tensor]:
    """Copies of the named tensors of a network, on the CPU, in the memory order that safetensors takes."""
    tensors = network.state_dict()
    contiguous = torch.contiguous_format
    return {name: tensors[name].detach().cpu().clone(memory_format=contiguous) for name in names}


def put_back(network: nn.Module, state: dict[str, Tensor]) -> set[str]:
    """Write tensors into a network's own memory; those that are not named stay as they are.

    Returns:
        The names of those that were of other values before.

    Raises:
        UserError: a name or shape that the network does not have; nothing is changed then.
    """
    tensors = network.state_dict()
    for name, value in state.items():
        if name not in tensors or tensors[name].shape != value.shape:
            own = [*tensors[name].shape] if name in tensors else "not among the model's tensors"
            raise UserError(f"this checkpoint is of another model: {name} is {[*value.shape]}, here {own}.")
    changed = {name for name, value in state.items() if not torch.equal(value.to(tensors[name].device), tensors[name])}
    for name in changed:
        tensors[name].copy_(state[name])
    return changed


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
