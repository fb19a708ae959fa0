"""[N, C, H, W] or [N, H, W, C] ↦ [N, H, W, C]: which axis of an image counts its channels."""

import numpy as np

from vaerun.errors import UserError, close_match

LAYOUTS = ("channels_last", "channels_first")
CHANNELS = (1, 2, 3, 4)
"""Sizes that an axis of channels has: grey, grey and alpha, RGB, RGBA."""


def refuse_unknown_layout(layout: str | None) -> None:
    """Refuses what is no layout.

    Raises:
        UserError: the choices, and the value.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UserError(f"data.layout must be {' or '.join(LAYOUTS)}, got {layout}.{close_match(str(layout), LAYOUTS)}")


def channels_last(
    arrays: dict[str, np.ndarray], layout: str | None, path: object
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays with the channels in the last axis, and what was done in words.

    Without ``layout``, an axis of 1 to 4 channels is looked for, first and last: exactly one of the two must be it.

    Raises:
        UserError: both or none of the two axes can be the channels, or ``layout`` is given for arrays of other axes.
    """
    shape = next(iter(arrays.values())).shape[1:]
    if len(shape) != 3:
        if layout is not None:
            raise UserError(
                f"data.layout is for images of three axes, such as [32, 32, 3], but a point of {path} has the shape "
                f"{list(shape)}: leave data.layout out."
            )
        return arrays, []
    if layout is None:
        layout = _found(shape, path)
    if layout == "channels_last":
        return arrays, [f"images {shape[0]}x{shape[1]} with {_channels(shape[2])} (channels last)"]
    moved = {name: np.moveaxis(array, 1, -1) for name, array in arrays.items()}
    return moved, [f"images {shape[1]}x{shape[2]} with {_channels(shape[0])} (channels first, moved to the last axis)"]


def _found(shape: tuple[int, ...], path: object) -> str:
    fits = {"channels_last": shape[2] in CHANNELS, "channels_first": shape[0] in CHANNELS}
    if fits["channels_last"] == fits["channels_first"]:
        last, first = (
            f"{shape[0]}x{shape[1]} with {_channels(shape[2])}",
            (f"{shape[1]}x{shape[2]} with {_channels(shape[0])}"),
        )
        raise UserError(
            f"data.layout must be given for images of the shape {list(shape)}, as in {path}: use "
            f"data.layout=channels_last for images {last}, or data.layout=channels_first for images {first}."
        )
    return "channels_last" if fits["channels_last"] else "channels_first"


def _channels(count: int) -> str:
    return f"{count} channel{'s' if count > 1 else ''}"
