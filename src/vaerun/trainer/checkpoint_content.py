"""What a checkpoint must contain, because a file can contain anything."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

FORMATS = (1, 2)  # the content is the same; files of format 1 have no checksum


def fault_in(state: Any, progress: type) -> str | None:
    """What is wrong with the content of a checkpoint, or None.

    Args:
        state: as it was read.
        progress: the dataclass whose fields ``state["progress"]`` has.
    """
    if not isinstance(state, dict):
        return "it is not a checkpoint of vaerun"
    if not isinstance(state.get("format"), int) or state["format"] not in FORMATS:
        return f"its format is {str(state.get('format'))[:40]}, not {FORMATS[-1]}; another version has written it"
    for key, right in REQUIRED.items():
        if key not in state:
            return f"it has no {key}"
        if not right(state[key]):
            return f"its {key} is not what vaerun writes"
    held = state["progress"]
    numbers = [value for key, value in held.items() if value is not None or key != "records_checksum"]
    if held.keys() != {field.name for field in fields(progress)} or not all(map(_is_number, numbers)):
        return "its progress is not what vaerun writes"
    if "moments" in state and not _are_moments(state["moments"]):
        return "its moments are not what vaerun writes"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_dense(value: Any) -> bool:
    """Whether it is a tensor that holds a number for each of its elements."""
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_meta or value.is_quantized:
        return False
    return value.untyped_storage().nbytes() >= value.numel() * value.element_size()


def _are_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and _is_dense(tensor) for name, tensor in value.items()
    )


def _are_counts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(count, int) for count in value)


def _are_moments(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    return _is_dense(value[0]) and _is_number(value[1])


def _are_means(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("steps"), int) and _are_tensors(value.get("sums"))


REQUIRED = {
    "tensors": _are_tensors,
    "optimizer": lambda value: isinstance(value, dict),
    "progress": lambda value: isinstance(value, dict),
    "evaluations": _are_counts,
    "meter": _are_means,
    "generators": lambda value: _are_tensors(value) and "cpu" in value,
    "data": lambda value: isinstance(value, str),
}
