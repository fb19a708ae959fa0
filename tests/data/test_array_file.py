import gzip
import io

import numpy as np
import pytest

from vaerun.data.array_file import read_arrays
from vaerun.errors import UserError

X = np.arange(12, dtype=np.uint8).reshape(4, 3)

HUGE = b"\x93NUMPY\1\0\x46\0" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999, 999999)}  \n"


def npy_gz(array: np.ndarray, rest: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return gzip.compress(buffer.getvalue() + rest, mtime=0)


@pytest.mark.parametrize(
    ("held", "chosen"),
    [
        ({"train": X, "valid": X, "test": X, "train_labels": X}, ["train", "valid", "test"]),
        ({"x": X, "y": X}, ["x"]),
        ({"x": X, "train": X, "test": X}, ["x"]),
        ({"test": X, "train": X, "labels": X}, ["train", "test"]),
        ({"pictures": X}, ["pictures"]),
    ],
)
def test_the_arrays_of_an_npz(tmp_path, held, chosen):
    np.savez(tmp_path / "a.npz", **held)
    assert list(read_arrays(tmp_path / "a.npz")) == chosen


@pytest.mark.parametrize("name", ["a.npy", "a.npy.gz", "a-idx2-ubyte", "a-idx2-ubyte.gz"])
def test_a_single_array(tmp_path, write_idx, name):
    path = tmp_path / name
    if name.endswith("npy.gz"):
        path.write_bytes(npy_gz(X))
    elif name.endswith("npy"):
        np.save(path, X)
    else:
        write_idx(path, X)
    (array,) = read_arrays(path).values()
    np.testing.assert_array_equal(array, X)


def test_the_content_and_not_the_name_decides(tmp_path):
    np.savez(tmp_path / "a.npz", x=X)
    path = (tmp_path / "a.npz").rename(tmp_path / "a.dat")
    np.testing.assert_array_equal(read_arrays(path)["x"], X)


def test_an_npz_without_arrays(tmp_path):
    np.savez(tmp_path / "none.npz")
    with pytest.raises(UserError, match="cannot be used, because it holds no arrays"):
        read_arrays(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"1,2,3\n4,5,6\n", "not an IDX file \\(it starts with b'1,2,3"),
        ("a.npy", b"1,2,3\n4,5,6\n", r"not an \.npy file \(it starts with b'1,2,3"),
        ("a.npz", b"", r"it is empty"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "not an IDX file"),
        ("a.gz", gzip.compress(b"1,2,3\n", mtime=0), "not an IDX file"),
        ("a.npy.gz", npy_gz(X)[:-3], "cut off"),
        ("a.npy.gz", npy_gz(X)[:-8] + bytes(8), "damaged .*CRC"),
        ("a.npy.gz", npy_gz(X, b"more"), "longer than its header says"),
        ("a.npy.gz", npy_gz(np.zeros(10**6, np.uint8))[:400], "cut off"),
        ("a.npy.gz", gzip.compress(HUGE, mtime=0), "at most [0-9,]+ bytes"),
        ("a.npy.gz", gzip.compress(b"", mtime=0), "not an IDX file"),
        ("a.pkl", b"\x80\x04\x95", "not an IDX file"),
        ("a.zip", b"PK\x03\x04", "damaged or cut off"),
    ],
)
def test_other_formats_are_refused_with_the_way_out(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=rf"{name} cannot be used, because .*{reason}.*savez\(path, x=array\) writes\.$"
    ):
        read_arrays(path)


@pytest.mark.parametrize("keep", [7, 60, -1])
def test_a_truncated_npy_is_told(tmp_path, keep):
    path = tmp_path / "a.npy"
    np.save(path, X)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"a\.npy cannot be used, because it is damaged or cut off"):
        read_arrays(path)


def test_a_truncated_npz_is_told(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=X)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"a\.npz cannot be used, because it is damaged or cut off"):
        read_arrays(path)


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))
    with pytest.raises(UserError, match="Python objects instead of numbers"):
        read_arrays(tmp_path / "a.npy")


def test_a_zip_that_is_no_npz_lists_what_it_holds(tmp_path):
    import torch

    torch.save({"x": torch.eye(3), "y": torch.eye(2)}, tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a\.pt cannot be used, because its arrays are a/data\.pkl, "):
        read_arrays(tmp_path / "a.pt")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UserError, match=r"/absent\.npz cannot be used, because it does not exist: give"):
        read_arrays(tmp_path / "absent.npz")
    with pytest.raises(UserError, match=r"because it is a folder, not a regular file: give an npz"):
        read_arrays(tmp_path)
