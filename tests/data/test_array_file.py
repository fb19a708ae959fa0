import gzip

import numpy as np
import pytest

from vaerun.data.array_file import read_arrays
from vaerun.errors import UserError

X = np.arange(12, dtype=np.uint8).reshape(4, 3)


@pytest.mark.parametrize(
    ("held", "chosen"),
    [
        ({"train": X, "valid": X, "test": X, "train_labels": X}, ["train", "valid", "test"]),
        ({"x": X, "y": X}, ["x"]),
        ({"x": X, "train": X, "test": X}, ["x"]),
        ({"pictures": X}, ["pictures"]),
    ],
)
def test_the_arrays_of_an_npz(tmp_path, held, chosen):
    np.savez(tmp_path / "a.npz", **held)
    assert list(read_arrays(tmp_path / "a.npz")) == chosen


@pytest.mark.parametrize("name", ["a.npy", "a-idx2-ubyte", "a-idx2-ubyte.gz"])
def test_a_single_array(tmp_path, write_idx, name):
    path = tmp_path / name
    if name.endswith("npy"):
        np.save(path, X)
    else:
        write_idx(path, X)
    (array,) = read_arrays(path).values()
    np.testing.assert_array_equal(array, X)


def test_the_content_and_not_the_name_decides(tmp_path):
    np.savez(tmp_path / "a.npz", x=X)
    path = (tmp_path / "a.npz").rename(tmp_path / "a.dat")
    np.testing.assert_array_equal(read_arrays(path)["x"], X)


def test_unknown_names_are_listed(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=X, y_train=X, x_test=X, y_test=X)
    with pytest.raises(
        UserError, match=r"its arrays are x_train, y_train, x_test, y_test, but it needs train, valid and test"
    ):
        read_arrays(tmp_path / "mnist.npz")
    np.savez(tmp_path / "two.npz", train=X, test=X)
    with pytest.raises(UserError, match="its arrays are train, test, but it needs train, valid and test"):
        read_arrays(tmp_path / "two.npz")
    np.savez(tmp_path / "none.npz")
    with pytest.raises(UserError, match="cannot be used, because its arrays are none"):
        read_arrays(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"1,2,3\n4,5,6\n", "not an IDX file \\(it starts with b'1,2,3"),
        ("a.npy", b"1,2,3\n4,5,6\n", r"not an \.npy file \(it starts with b'1,2,3"),
        ("a.npz", b"", r"it is empty"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "not an IDX file"),
        ("a.gz", gzip.compress(b"1,2,3\n", mtime=0), "not an IDX file"),
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
