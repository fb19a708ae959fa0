"""Images of any size and colour ↦ what all of them are made: nothing is chosen that the user has not said."""

from collections import Counter
from collections.abc import Iterator, Sequence

from vaerun.config.ranges import at_least
from vaerun.data.image_file import MODES, Look, Target
from vaerun.data.image_folder import ImageFolder
from vaerun.errors import UserError, close_match

RESIZES = ("crop", "stretch")


def refuse_unknown_choices(size: Sequence[int] | None, resize: str | None, colour: str | None) -> None:
    """Refuses values of data.size, data.resize and data.colour that no image can have.

    Raises:
        UserError: the rule and the value.
    """
    if size is not None and len(size) != 2:
        raise UserError(f"data.size must be [HEIGHT,WIDTH], got {list(size)}: give two numbers, such as [32,32].")
    for number in size or ():
        at_least("data.size", number, 1)
    for key, value, choices in (("resize", resize, RESIZES), ("colour", colour, MODES)):
        if value is not None and value not in choices:
            near = close_match(str(value), choices)
            raise UserError(f"data.{key} must be {' or '.join(choices)}, got {value}.{near}")
    if resize is not None and size is None:
        raise UserError(f"data.resize={resize} needs a size: give data.size=[HEIGHT,WIDTH], or leave out data.resize.")


def target_of(
    folder: ImageFolder,
    seen: Sequence[Look],
    *,
    size: Sequence[int] | None,
    resize: str | None,
    colour: str | None,
) -> tuple[Target, list[str]]:
    """What all images are made, and in words what this does to their pixels.

    Args:
        folder: of the images.
        seen: what the start of each file says.
        size: [height, width] that is asked for, or None.
        resize: crop or stretch for other aspect ratios, or None.
        colour: grey or rgb that is asked for, or None.

    Raises:
        UserError: images differ, and no value says what to do.
    """
    height, width = size if size is not None else _one_size(folder, seen)
    colour = colour or _one_colour(folder, seen)
    if resize is None:
        _refuse_other_shapes(folder, seen, height, width)
    target = Target(height, width, colour, resize or "stretch")
    return target, list(_said(seen, target))


def _one_size(folder: ImageFolder, seen: Sequence[Look]) -> tuple[int, int]:
    sizes = Counter((one.height, one.width) for one in seen)
    if len(sizes) > 1:
        examples = {(one.height, one.width): name for one, name in zip(seen, folder.names, strict=True)}
        named = " and ".join(f"{h}x{w} ({examples[h, w]})" for (h, w), _ in sizes.most_common(2))
        height, width = sizes.most_common(1)[0][0]
        raise UserError(
            f"data.size must be given, because the images in {folder.path} have {len(sizes):,} sizes, such as {named}: "
            f"use data.size=[{height},{width}], or another size."
        )
    return next(iter(sizes))


def _one_colour(folder: ImageFolder, seen: Sequence[Look]) -> str:
    count = Counter(one.colour for one in seen)
    if len(count) > 1:
        examples = {one.colour: name for one, name in zip(seen, folder.names, strict=True)}
        raise UserError(
            f"data.colour must be given, because {folder.path} holds {count['grey']:,} grey images, such as "
            f"{examples['grey']}, and {count['rgb']:,} in colour, such as {examples['rgb']}: use data.colour=rgb, or "
            "data.colour=grey."
        )
    return next(iter(count))


def _refuse_other_shapes(folder: ImageFolder, seen: Sequence[Look], height: int, width: int) -> None:
    for one, name in zip(seen, folder.names, strict=True):
        if not _alike(one, height, width):
            raise UserError(
                f"data.resize must be given, because {name} in {folder.path} has {one.height}x{one.width} pixels, "
                f"another aspect ratio than data.size=[{height},{width}]: use data.resize=crop, or data.resize=stretch."
            )


def _alike(one: Look, height: int, width: int) -> bool:
    """Whether an image has the aspect ratio height : width, up to rounding to whole pixels."""
    return abs(one.height * width - one.width * height) <= max(one.height, one.width, height, width) / 2


def _said(seen: Sequence[Look], target: Target) -> Iterator[str]:
    """What is done to the pixels, in words, with the number of images where it is not all."""

    def images(count: int) -> str:
        return "all images" if count == len(seen) else f"{count:,} of {len(seen):,} images"

    if turned := sum(one.turned for one in seen):
        yield f"{images(turned)} turned by their EXIF orientation"
    if other := sum(one.colour != target.colour for one in seen):
        done = "made grey" if target.colour == "grey" else "given three equal channels"
        yield f"{images(other)} {done} (data.colour={target.colour})"
    size = (target.height, target.width)
    if resized := sum((one.height, one.width) != size for one in seen):
        others = [one for one in seen if not _alike(one, *size)]
        how = f", {len(others):,} of another aspect ratio (data.resize={target.resize})" if others else ""
        yield f"{images(resized)} resized to {target.height}x{target.width} by bicubic interpolation{how}"
