"""Files that a stranger could put into a folder of images: each is read rightly or refused in one sentence."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vaerun.data.image_file import Target, look, pixels
from vaerun.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
SAME = Target(5, 4, "rgb", "stretch")


def encoded(image: Image.Image, kind: str = "PNG", **how) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def png(width: int, height: int, depth: int = 8, colour: int = 0, pixels: bytes = b"") -> bytes:
    """A PNG whose header says anything."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


COLOUR = Image.fromarray(PIXELS)
SEEN = Image.new("RGBA", (4, 5), (1, 2, 3, 255))
GLASS = Image.new("RGBA", (4, 5), (1, 2, 3, 254))
MOVED = {"save_all": True, "append_images": [Image.new("RGB", (4, 5))]}


def read(path, content: bytes) -> np.ndarray:
    path.write_bytes(content)
    return pixels(path, look(path), SAME)


def test_png_keeps_every_pixel_and_the_name_does_not_matter(tmp_path):
    assert np.array_equal(read(tmp_path / "a.jpg", encoded(COLOUR)), PIXELS)


def test_jpeg_is_near(tmp_path):
    found = read(tmp_path / "a.jpg", encoded(Image.new("RGB", (4, 5), (10, 200, 90)), "JPEG", quality=95))
    assert np.abs(found.astype(int) - (10, 200, 90)).max() < 4


def test_of_a_photo_with_further_pictures_behind_it_the_photo_is_read(tmp_path):
    photo = Image.new("RGB", (4, 5), (10, 200, 90))
    found = read(tmp_path / "a.jpg", encoded(photo, "MPO", save_all=True, append_images=[Image.new("RGB", (2, 2))]))
    assert np.abs(found.astype(int) - (10, 200, 90)).max() < 9


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"hello, world", r"not a PNG or JPEG image \(it starts with b'hello, w'\)"),
        (encoded(COLOUR)[:60], "damaged or cut off"),
        (encoded(COLOUR, "JPEG")[:300], "damaged or cut off|not a PNG or JPEG"),
        (encoded(COLOUR).replace(b"IDAT", b"IDAX"), "damaged or cut off|not a PNG"),
        (encoded(COLOUR, "GIF"), "not a PNG or JPEG"),
        (encoded(COLOUR, "TIFF"), "not a PNG or JPEG"),
        (encoded(COLOUR, "BMP"), "not a PNG or JPEG"),
        (encoded(COLOUR.convert("CMYK"), "JPEG"), "pixels of the kind CMYK"),
        (encoded(COLOUR.convert("I;16")), "16 bits for each pixel"),
        (png(4, 5, 16, 2, (b"\0" + bytes(24)) * 5), "16 bits for each pixel"),
        (encoded(GLASS), "transparent pixels"),
        (encoded(Image.new("RGB", (4, 5)), transparency=(0, 0, 0)), "transparent pixels"),
        (encoded(COLOUR, **MOVED), "it is an animation"),
        (png(60_000, 60_000), "more than 67,108,864 pixels"),
        (png(8_000, 8_000), r"its \d+ bytes cannot hold 64,000,000 pixels"),
        (png(10_000, 8_000, pixels=bytes(10_001 * 8_000)), "it has 10,000x8,000 pixels, and at most"),
        (png(0, 5), "damaged or cut off|not a PNG"),
        (png(4, 5, 8, 2, b"\0"), "damaged or cut off"),
        (b"<svg/>", "not a PNG or JPEG"),
        (b"\x80\x04\x95pickle", "not a PNG or JPEG"),
    ],
)  # fmt: skip
def test_every_other_file_is_one_sentence_with_its_name(tmp_path, content, reason):
    with pytest.raises(UserError, match=rf"a\.png cannot be used, because .*({reason})"):
        read(tmp_path / "a.png", content)


def test_an_opaque_axis_of_transparency_is_left_out(tmp_path):
    assert np.array_equal(read(tmp_path / "a.png", encoded(SEEN)), np.array(SEEN)[..., :3])


def test_pipes_devices_and_folders_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("/dev/zero")
    (tmp_path / "c.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "d.png").mkdir()
    for name in "abcd":
        with pytest.raises(UserError, match=rf"{name}\.png cannot be used, because"):
            look(tmp_path / f"{name}.png")


def test_a_file_that_was_changed_after_the_first_look(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(COLOUR))
    seen = look(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(encoded(COLOUR.convert("L")))
    with pytest.raises(UserError, match="another program changed it"):
        pixels(tmp_path / "a.png", seen, SAME)


def test_any_bytes_are_read_or_refused_in_one_sentence(tmp_path):
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = [encoded(COLOUR), encoded(COLOUR, "JPEG", exif=exif), encoded(SEEN), encoded(COLOUR.convert("P"))]
    ends = set()
    for n in range(300):
        content = bytearray(whole[n % len(whole)])
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(256)
        try:
            found = read(tmp_path / "a.png", bytes(content))
            assert found.shape == (5, 4, 3)
            ends.add("read")
        except UserError as error:
            ends.add(" ".join(str(error).split()[1:5]))
    assert ends == {"read", "cannot be used, because"}
