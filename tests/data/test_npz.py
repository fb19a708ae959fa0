import io
import warnings
import zipfile

import numpy as np
import pytest

from vaerun.data import npz
from vaerun.data.data_file import DataFile


def read(path, choose):
    with path.open("rb") as stream:
        return npz.read(DataFile(stream, path.stat().st_size), choose)


def test_only_what_is_chosen_is_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(3), labels=np.array([{}], dtype=object))
    arrays = read(path, lambda names: [name for name in names if name == "x"])
    assert list(arrays) == ["x"]
    np.testing.assert_array_equal(arrays["x"], np.arange(3))


def test_objects_are_never_unpickled(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects instead of numbers"):
        read(path, lambda names: names)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_archive_is_told(tmp_path, keep):
    content = npz.pack({"x": np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)})
    path = tmp_path / "a.npz"
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ValueError, match="damaged or cut off"):
        read(path, lambda names: names)


def test_a_flipped_byte_is_told(tmp_path):
    content = bytearray(npz.pack({"x": np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)}))
    content[2500] ^= 0xFF
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged or cut off"):
        read(path, lambda names: names)


def test_pack_is_read_back():
    with np.load(io.BytesIO(npz.pack({"train": np.eye(2)}))) as archive:
        np.testing.assert_array_equal(archive["train"], np.eye(2))


def packed(method: int = zipfile.ZIP_DEFLATED, *, names: tuple[str, ...] = ("x.npy",), zeros: int = 0) -> bytearray:
    array, buffer = io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(12.0).reshape(4, 3))
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name in names:
            archive.writestr(name, array.getvalue() + bytes(zeros))
    return bytearray(buffer.getvalue())


def stated(content: bytearray, field: int, value: int, *, width: int = 4) -> bytearray:
    """The archive with another value in a field of its list of names."""
    place = content.rfind(b"PK\1\2") + field
    content[place : place + width] = value.to_bytes(width, "little")
    return content


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (packed(zipfile.ZIP_LZMA), "'x.npy' cannot be read .it is compressed by LZMA, and numpy.savez_compressed uses"),
        (packed(zipfile.ZIP_BZIP2, zeros=2**24), "'x.npy' cannot be read .it is compressed by bzip2"),
        (packed(zeros=2**24), r"'x\.npy' cannot be read \(it is longer than its header says"),
        (packed(names=("x.npy", "x.npy")), "holds 2 arrays with the name 'x'"),
        (packed(names=("x", "x.npy")), "holds 2 arrays with the name 'x'"),
        (stated(packed(), 8, 1, width=2), "'x.npy' cannot be read .it is encrypted"),
        (stated(packed(), 10, 99, width=2), "compressed by method 99"),
        (stated(packed(), 24, 2**32 - 9), r"its \d+ bytes cannot hold 4,294,967,287 bytes"),
        (stated(packed(zipfile.ZIP_STORED), 24, 225), "its 224 bytes cannot hold 225 bytes"),
        (stated(packed(), 20, 2**31), r"'x\.npy' cannot be read \(it is damaged"),
        (stated(packed(), 42, 2**31), "damaged or cut off"),
        (packed()[:-22], "not a complete zip archive"),
        (packed()[:-10] + (2**31).to_bytes(4, "little") + packed()[-6:], "its list of names has 2,147,483,648 bytes"),
    ],
)
def test_an_archive_that_lies_is_refused_for_what_it_costs(tmp_path, content, cause):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=cause):
        read(path, lambda names: ["x"])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_numpy_writes_is_read_whatever_a_member_is_called(tmp_path, method):
    path = tmp_path / "a.npz"
    path.write_bytes(packed(method, names=("../../x.npy",)))
    assert read(path, lambda names: names)["../../x"].shape == (4, 3)
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]
