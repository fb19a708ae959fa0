"""What a checkpoint must be before it is used: a file may come from a stranger, or be damaged."""

import zipfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.files import open_to_read


def refuse_bomb(path: Path) -> None:
    """Refuses an archive that would take more memory than the file takes on the disk; it is not unpacked.

    Raises:
        UserError: a member is compressed, or the members are larger than the file, or it is not a regular file.
        FileNotFoundError: there is none. zipfile.BadZipFile: it is not an archive.
    """
    with open_to_read(path, within=path.parent.parent) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        size = file.seek(0, 2)
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if packed or sum(member.file_size for member in members) > size:
        raise UserError(
            f"{path} is not a checkpoint that vaerun wrote, because its content is larger than the file: use the "
            f"other one in its folder, or train again."
        )


def refuse_incomplete(state: Mapping[str, Any], path: Path, progress: type) -> None:
    """Refuses a checkpoint of the right format whose content is not that of a training.

    Args:
        state: the content.
        path: of the file, for the message.
        progress: the dataclass of its progress.

    Raises:
        UserError: it names the first key that is missing or odd.
    """
    kinds = {"tensors": dict, "optimizer": dict, "progress": dict, "evaluations": list, "meter": dict, "data": str}
    odd = next((key for key, kind in kinds.items() if not isinstance(state.get(key), kind)), None)
    if odd is None and not all(map(_is_dense, state["tensors"].values())):
        odd = "tensors"
    numbers = state["progress"] if odd is None else {}
    if odd is None and {field.name for field in fields(progress)} != numbers.keys():
        odd = "progress"
    if odd is None and not all(map(_is_number, [*numbers.values(), *state["evaluations"]])):
        odd = "progress"
    if odd is None and len(state["evaluations"]) != 2:
        odd = "evaluations"
    if odd is None and "generators" not in state:
        odd = "generators"
    if odd is None and "moments" in state and not _is_moments(state["moments"]):
        odd = "moments"
    if odd is not None:
        raise UserError(
            f"{path} is not a complete checkpoint, because its {odd} are missing or not those of a training: use the "
            f"other one in its folder, or train again."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_dense(value: Any) -> bool:
    """Whether it is a tensor that holds a number for each of its elements."""
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_meta or value.is_quantized:
        return False
    return value.untyped_storage().nbytes() >= value.numel() * value.element_size()


def _is_moments(value: Any) -> bool:
    """Whether it is the mean of each coordinate and a standard deviation."""
    return isinstance(value, (list, tuple)) and len(value) == 2 and _is_dense(value[0]) and _is_number(value[1])
