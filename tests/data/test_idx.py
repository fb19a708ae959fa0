import gzip
import hashlib

import numpy as np
import pytest

from vaerun.data import idx
from vaerun.errors import UserError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("name", ["x-idx3-ubyte", "x-idx3-ubyte.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_an_array_comes_back_in_native_order(tmp_path, write_idx, name, dtype):
    array = IMAGES.astype(dtype)
    found = idx.read(write_idx(tmp_path / name, array))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert found.flags.writeable


def test_zipped_or_not_is_seen_from_the_content(tmp_path, idx_bytes):
    path = tmp_path / "unzipped-by-a-browser.gz"
    path.write_bytes(idx_bytes(IMAGES))
    np.testing.assert_array_equal(idx.read(path), IMAGES)


def damage(kind: str, content: bytes) -> bytes:
    zipped = gzip.compress(content)
    return {
        "truncated gz": zipped[:-12],
        "broken gz": zipped[:12] + b"\xff\xff\xff" + zipped[15:],
        "wrong crc": zipped[:-8] + bytes(4) + zipped[-4:],
        "truncated values": content[:-1],
        "truncated header": content[:9],
        "too long": content + b"\0",
        "wrong magic": b"<!DOCTYPE html>",
        "wrong type": content[:2] + b"\x07" + content[3:],
        "no axes": b"\0\0\x08\0\1",
        "empty": b"",
    }[kind]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("truncated gz", "cut off \\(its gzip stream has no end\\)"),
        ("broken gz", "its gzip stream is damaged"),
        ("wrong crc", "its gzip stream is damaged"),
        ("truncated values", r"cut off \(it holds 23 bytes of values, and .* \(2, 3, 4\) needs 24\)"),
        ("truncated header", "cut off inside its header"),
        ("too long", "longer than its header says"),
        ("wrong magic", "not an IDX file \\(it starts with b'<!DOCTYP'"),
        ("wrong type", "not an IDX file"),
        ("no axes", "not an IDX file"),
        ("empty", "it is empty"),
    ],
)
def test_damage_is_one_sentence_that_names_the_file(tmp_path, idx_bytes, kind, reason):
    path = tmp_path / "images.gz"
    path.write_bytes(damage(kind, idx_bytes(IMAGES)))
    with pytest.raises(UserError, match=rf"images\.gz cannot be used, because .*{reason}.*: get the file again\.$"):
        idx.read(path)


def test_another_shape_or_content_is_refused(tmp_path, write_idx):
    path = write_idx(tmp_path / "images.gz", IMAGES)
    with pytest.raises(UserError, match=r"shape \(2, 3, 4\) instead of \(2, 12\): look again\.$"):
        idx.read(path, shape=(2, 12), remedy="look again")
    with pytest.raises(UserError, match=r"not the published file \(sha256 of its unzipped content [0-9a-f]{64}"):
        idx.read(path, sha256="0" * 64)


def test_the_checksum_is_of_the_unzipped_content(tmp_path, idx_bytes):
    sha256 = hashlib.sha256(idx_bytes(IMAGES)).hexdigest()
    path = tmp_path / "images.gz"
    for level in (1, 9):
        path.write_bytes(gzip.compress(idx_bytes(IMAGES), level, mtime=level))
        np.testing.assert_array_equal(idx.read(path, sha256=sha256), IMAGES)


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"absent\.gz cannot be used, because it does not exist"):
        idx.read(tmp_path / "absent.gz")


def test_no_more_is_decompressed_than_the_header_asks_for(tmp_path, idx_bytes, monkeypatch):
    """The issue's example: 6.9 MB of gzip with a header of 480 bytes took 1.7 GB."""
    inflated = []
    decompress = idx.gzip.GzipFile.read
    monkeypatch.setattr(idx.gzip.GzipFile, "read", lambda *a: inflated.append(n := decompress(*a)) or n)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx_bytes(IMAGES) + bytes(2**24)))
    with pytest.raises(UserError, match="longer than its header says"):
        idx.read(path)
    assert sum(map(len, inflated)) == len(idx_bytes(IMAGES)) + 1


def test_a_header_that_asks_for_more_than_the_file_can_hold_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "empty", lambda *shape: pytest.fail("nothing may be allocated"))
    header = b"\0\0\x0e\3" + b"\xff" * 12
    for content in (header, gzip.compress(header)):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(UserError, match=r"it is cut off \(it"):
            idx.read(tmp_path / "a")
