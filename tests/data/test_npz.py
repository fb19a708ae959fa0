import io

import numpy as np
import pytest

from vaerun.data import npz


def test_only_what_is_chosen_is_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(3), labels=np.array([{}], dtype=object))
    arrays = npz.read(path, lambda names: [name for name in names if name == "x"])
    assert list(arrays) == ["x"]
    np.testing.assert_array_equal(arrays["x"], np.arange(3))


def test_objects_are_never_unpickled(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects instead of numbers"):
        npz.read(path, lambda names: names)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_archive_is_told(tmp_path, keep):
    content = npz.pack({"x": np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)})
    path = tmp_path / "a.npz"
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ValueError, match="damaged or cut off"):
        npz.read(path, lambda names: names)


def test_a_flipped_byte_is_told(tmp_path):
    content = bytearray(npz.pack({"x": np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)}))
    content[2500] ^= 0xFF
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged or cut off"):
        npz.read(path, lambda names: names)


def test_pack_is_read_back():
    with np.load(io.BytesIO(npz.pack({"train": np.eye(2)}))) as archive:
        np.testing.assert_array_equal(archive["train"], np.eye(2))
