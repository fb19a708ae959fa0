"""FILE ↦ pixels: one PNG or JPEG image, with nothing done to its pixels that is not asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from vaerun.data.data_file import DamagedFileError, TooLargeError, data_file
from vaerun.data.free_memory import free_memory
from vaerun.data.idx import RATIO
from vaerun.system.memory import amount

FORMATS = ("PNG", "JPEG")
SUFFIXES = (".png", ".jpg", ".jpeg")
REMEDY = "replace the file, or move it out of the folder"
MOST_PIXELS = 2**26
"""Pixels of the largest image that is read, about 8,000 by 8,000: a small file can hold very many."""
PER_BYTE = {"PNG": 8 * RATIO, "JPEG": RATIO, "MPO": RATIO}
"""Pixels that one byte of a file can hold at most: deflate and 1 bit for each; runs of empty blocks in JPEG."""
BYTES = 8
"""Of memory for one pixel while an image is decoded and converted."""
ORIENTATION = 0x0112
GREY = ("1", "L", "LA")
COLOUR = ("RGB", "RGBA", "P", "PA")
MODES = {"grey": "L", "rgb": "RGB"}


class Look(NamedTuple):
    """Height and width of an image as it is seen, grey or rgb, and whether its EXIF orientation turns it."""

    height: int
    width: int
    colour: str
    turned: bool


class Target(NamedTuple):
    """What images are made: height, width, grey or rgb, and crop or stretch for an image of another size."""

    height: int
    width: int
    colour: str
    resize: str


def look(path: Path) -> Look:
    """Reads what the start of a file says about its image, without its pixels.

    Raises:
        UserError: the file cannot be read, or is no 8-bit grey or colour image in PNG or JPEG.
    """
    with _opened(path) as image:
        return _looked(image)


def pixels(path: Path, seen: Look, target: Target) -> np.ndarray:
    """The pixels, uint8 [H, W] or [H, W, 3].

    An orientation in EXIF is applied, as every viewer does it. An image of another size is resized by bicubic
    interpolation with antialiasing; ``crop`` keeps its aspect ratio and cuts off the edges that are too long on both
    sides alike, ``stretch`` does not. Colours become grey by ITU-R 601: 0.299 R + 0.587 G + 0.114 B.

    Args:
        path: the file.
        seen: what ``look`` has found.
        target: what the image is made.

    Raises:
        UserError: the file is damaged, has transparent pixels, or was changed since it was looked at.
    """
    with _opened(path) as image:
        if _looked(image) != seen:
            raise DamagedFileError("another program changed it while the folder was read")
        made: Image.Image = ImageOps.exif_transpose(image) if seen.turned else image
        made = _without_alpha(made).convert(MODES[target.colour])
        if (seen.height, seen.width) != (target.height, target.width):
            size, bicubic = (target.width, target.height), Image.Resampling.BICUBIC
            crop = target.resize == "crop"
            made = ImageOps.fit(made, size, method=bicubic) if crop else made.resize(size, bicubic)
        return np.asarray(made, dtype=np.uint8)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with data_file(path, remedy=REMEDY) as file:
        start = file.stream.read(25)
        file.stream.seek(0)
        if not start:
            raise DamagedFileError("it is empty")
        if start.startswith(b"\x89PNG") and start[24:] == b"\x10":  # Pillow would cut 16-bit colours to 8 bits unsaid
            raise DamagedFileError("it has 16 bits for each pixel, and 8 are read (data=arrays reads 16 from npy)")
        try:
            image = Image.open(file.stream, formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise DamagedFileError(f"it has more than {MOST_PIXELS:,} pixels") from error
        except Image.UnidentifiedImageError as error:
            raise DamagedFileError(f"it is not a PNG or JPEG image (it starts with {start[:8]!r})") from error
        with image:
            if (count := image.width * image.height) > PER_BYTE[image.format or "JPEG"] * file.size:
                raise DamagedFileError(f"it is damaged (its {file.size:,} bytes cannot hold {count:,} pixels)")
            yield image


def _looked(image: Image.Image) -> Look:
    count = image.width * image.height
    if count > MOST_PIXELS:
        raise DamagedFileError(
            f"it has {image.width:,}x{image.height:,} pixels, and at most {MOST_PIXELS:,} are read from one image"
        )
    if count * BYTES > (free := free_memory()):
        raise TooLargeError(
            f"its {count:,} pixels need about {amount(count * BYTES)} of memory, {amount(free)} are free"
        )
    if image.mode not in (*GREY, *COLOUR):
        raise DamagedFileError(f"it has pixels of the kind {image.mode}, and grey or RGB pixels of 8 bits are read")
    if image.format == "PNG" and getattr(image, "is_animated", False):
        raise DamagedFileError("it is an animation, and not one image")
    # PNG may hold EXIF behind the pixels, where Pillow would have to decode them; writers put it before.
    exif = image.getexif() if image.format != "PNG" or "exif" in image.info else {}
    turn = exif.get(ORIENTATION, 1)
    turn = turn if turn in range(2, 9) else 1
    height, width = (image.width, image.height) if turn >= 5 else (image.height, image.width)
    return Look(height, width, "grey" if image.mode in GREY else "rgb", turn > 1)


def _without_alpha(image: Image.Image) -> Image.Image:
    """The image without an axis of transparency, in which every pixel must be opaque."""
    if "A" not in image.mode and "transparency" not in image.info:
        return image
    with_alpha = image.convert("LA" if image.mode in GREY else "RGBA")
    if with_alpha.getchannel("A").histogram()[255] < image.width * image.height:
        raise DamagedFileError("it has transparent pixels, whose colour is not known")
    return with_alpha
