"""Folders of images with one that is damaged or odd, and tables of labels, read as ``data=images`` does."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fuzzing.kind import Kind, refused
from fuzzing.mutation import NUMBERS, damaged

NAMES = ("99.png", "99.jpg", "99.jpeg", "99.PNG", "train/99.png", "a/99.png", ".99.png", "99.gif", "é.png")
TABLES = (
    b"file,label\n0.png,a\n1.png,b\n",
    b"label,file,x\n3,0.png,1\n,1.png,2\n",
    b"\xef\xbb\xbffile,label\r\n0.png,\r\n",
)
TURNED = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
FURTHER = ((b"", b""), (b"PLTE", bytes(range(9))), (b"tRNS", b"\0\0"), (b"acTL", bytes(8)), (b"eXIf", TURNED))
KEYS: dict[str, tuple[Any, ...]] = {
    "size": (None, None, [4, 5], [2, 2], [1, 300]),
    "resize": (None, None, "crop", "stretch"),
    "colour": (None, "grey", "rgb"),
    "binarize": ("none", "none", "static"),
}


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """A PNG with correct checksums whose header says anything."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    size = st.sampled_from([4, 5, 5, *(n for n in NUMBERS if n < 2**32), 8000])
    depth, kind = draw(st.sampled_from((1, 2, 4, 8, 8, 8, 16, 3))), draw(st.sampled_from((0, 0, 2, 2, 3, 4, 6, 5)))
    content = struct.pack(">IIBBBBB", draw(size), draw(size), depth, kind, 0, 0, draw(st.sampled_from((0, 0, 1))))
    named, further = draw(st.sampled_from(FURTHER))
    more = chunk(named, further) if named else b""
    pixels = zlib.compress(draw(st.binary(max_size=200)) + bytes(draw(st.sampled_from((0, 20, 3000)))))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", content) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def good_images() -> list[bytes]:
    """Images of every kind that Pillow writes as PNG and JPEG, and a GIF."""
    from PIL import Image

    colour = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    made = [(colour.convert("L").convert(mode) if mode == "I;16" else colour.convert(mode), "PNG") for mode in modes]
    made += [(colour, "JPEG"), (colour.convert("L"), "JPEG"), (colour.convert("CMYK"), "JPEG"), (colour, "GIF")]
    found = []
    for image, kind in made:
        buffer = io.BytesIO()
        image.save(buffer, kind, **({"exif": exif} if kind == "JPEG" else {}))
        found.append(buffer.getvalue())
    return found


class Images(Kind):
    """A folder of twelve images, one more, and keys, through ``vaerun.data.images.Images``."""

    name = "images"

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """(file name, content, table of labels or None, keys)."""
        from PIL import Image

        for n in range(12):
            pixels = np.random.default_rng(n).integers(0, 256, (4, 5), dtype=np.uint8)
            (folder / "images").mkdir(exist_ok=True)
            Image.fromarray(pixels).save(folder / "images" / f"{n}.png")
        good = good_images()
        content = st.one_of(damaged(good), damaged(good), st.sampled_from(good), headers(), st.binary(max_size=40))
        table = st.one_of(st.none(), st.none(), damaged(TABLES))
        keys = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in KEYS.items()})
        return st.tuples(st.sampled_from(NAMES), content, table, keys)

    def read(self, given: Any, folder: Path) -> None:
        """Loads the folder; a data set must hold every image that is not hidden, and say what was done to it."""
        from vaerun.data.images import Images as Source
        from vaerun.errors import UserError

        name, content, table, keys = given
        path, labels = folder / "images" / name, folder / "labels.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        if table is not None:
            labels.write_bytes(table)
        keys = keys | ({"label_path": str(labels)} if table is not None else {})
        keys["resize"] = keys["resize"] if keys["size"] else None
        try:
            data = Source(path=str(folder / "images"), **keys).load()
        except UserError as error:
            raise refused(error) from error
        finally:
            path.unlink()
            if path.parent != folder / "images":
                path.parent.rmdir()
        read = 12 + (path.suffix.lower() != ".gif" and not path.name.startswith("."))
        assert len(data.names) == sum(map(len, (data.train, data.valid, data.test))) == read, "an image is missing"
        assert "divided by 255" in data.values
        assert all(int(split.labels.max()) < len(data.labels) for split in (data.train,) if split.labels is not None)

    def shown(self, given: Any) -> bytes:
        return given[1] + repr((given[0], *given[2:])).encode()
