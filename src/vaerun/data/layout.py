"""[N, C, H, W] or [N, H, W, C] ↦ [N, H, W, C]: which axis of an image counts its channels."""

from collections.abc import Sequence

from vaerun.errors import UserError, close_match, counted

LAYOUTS = ("channels_last", "channels_first")
CHANNELS = (1, 2, 3, 4)
"""Sizes that an axis of channels has: grey, grey and alpha, RGB, RGBA."""


def refuse_unknown_layout(layout: str | None, *, key: str = "data.layout") -> None:
    """Refuses what is no layout.

    Raises:
        UserError: the choices, and the value.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UserError(f"{key} must be {' or '.join(LAYOUTS)}, got {layout}.{close_match(str(layout), LAYOUTS)}")


def find_layout(shape: Sequence[int], layout: str | None, what: object, *, key: str = "data.layout") -> str | None:
    """The layout of points of this shape; None for points without an axis of channels.

    Without ``layout``, an axis of 1 to 4 channels is looked for, first and last: exactly one of the two must be it.

    Args:
        shape: of one point.
        layout: the layout that is asked for, or None.
        what: holds the points, for the sentence.
        key: that asks for a layout, for the sentence.

    Raises:
        UserError: both or none of the two axes can be the channels, or ``layout`` is given for points of other axes.
    """
    if len(shape) != 3:
        if layout is not None:
            raise UserError(
                f"{key} is for images of three axes, such as [32, 32, 3], but a point of {what} has the shape "
                f"{list(shape)}: leave {key} out."
            )
        return None
    if layout is not None:
        return layout
    last, first = shape[2] in CHANNELS, shape[0] in CHANNELS
    if last == first:
        mark = "" if "." in key else "'"  # a value in Python is quoted
        offers = (f"{key}={mark}{each}{mark} for {in_words(shape, each)}" for each in LAYOUTS)
        raise UserError(
            f"{key} must be given for images of the shape {list(shape)}, as in {what}: use {', or '.join(offers)}."
        )
    return "channels_last" if last else "channels_first"


def in_words(shape: Sequence[int], layout: str) -> str:
    """``images 32x32 with 3 channels``."""
    height, width, channels = shape if layout == "channels_last" else (*shape[1:], shape[0])
    return f"images {height}x{width} with {counted(channels, 'channel')}"


def said(shape: Sequence[int], layout: str) -> str:
    """What is done to images of this shape, for the log."""
    done = "channels last" if layout == "channels_last" else "channels first, moved to the last axis"
    return f"{in_words(shape, layout)} ({done})"
