import hashlib

import numpy as np
import pytest
import torch

from vaerun.data import binarized_mnist, npz
from vaerun.data.binarized_mnist import BinarizedMnist
from vaerun.errors import UserError

SIZES = {"train": 9, "valid": 3, "test": 4}
SMALL = {name: np.random.default_rng(n).integers(0, 2, (n, 784), dtype=np.uint8) for name, n in SIZES.items()}


@pytest.fixture
def small(monkeypatch) -> dict[str, np.ndarray]:
    """A published set of 9, 3 and 4 images, and no network."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(binarized_mnist, "MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setattr(binarized_mnist, "SIZES", SIZES)
    hashes = {name: hashlib.sha256(x.tobytes()).hexdigest() for name, x in SMALL.items()}
    monkeypatch.setattr(binarized_mnist, "SHA256", hashes)
    return SMALL


def amat(x: np.ndarray) -> bytes:
    return b"".join(b" ".join(b"%d" % value for value in row) + b" \n" for row in x)


def test_the_published_file(published):
    dataset = BinarizedMnist(root=str(published)).load()
    assert [len(s) for s in (dataset.train, dataset.valid, dataset.test)] == [50_000, 10_000, 10_000]
    assert (dataset.shape, dataset.support, dataset.binarize) == ((28, 28), "binary", "none")
    assert dataset.train.x.dtype == torch.uint8
    means = [s.mean().mean().item() for s in (dataset.train, dataset.valid, dataset.test)]
    assert means == pytest.approx([0.130562, 0.131127, 0.132512], abs=1e-6)


def test_static_and_threshold_leave_it_and_dynamic_is_refused(small, tmp_path):
    (tmp_path / "binarized_mnist.npz").write_bytes(npz.pack(small))
    for name in ("static", "threshold", "none"):
        dataset = BinarizedMnist(root=str(tmp_path), binarize=name).load()
        assert torch.equal(dataset.train.x, torch.from_numpy(small["train"]))
    with pytest.raises(UserError, match="needs grey values"):
        BinarizedMnist(root=str(tmp_path), binarize="dynamic").load()


def test_the_text_files_are_converted_once_and_kept(small, tmp_path):
    for name, x in small.items():
        (tmp_path / f"binarized_mnist_{name}.amat").write_bytes(amat(x))
    first = BinarizedMnist(root=str(tmp_path)).load()
    assert torch.equal(first.valid.x, torch.from_numpy(small["valid"]))
    for name in small:
        (tmp_path / f"binarized_mnist_{name}.amat").unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["binarized_mnist.npz"]
    assert BinarizedMnist(root=str(tmp_path)).load().sha256 == first.sha256


def test_images_and_rows_are_the_same_content(small, tmp_path):
    (tmp_path / "binarized_mnist.npz").write_bytes(npz.pack({k: x.reshape(-1, 28, 28) for k, x in small.items()}))
    assert torch.equal(BinarizedMnist(root=str(tmp_path)).load().test.x, torch.from_numpy(small["test"]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: {**x, "test": 1 - x["test"]}, "its 'test' is not the published one"),
        (lambda x: {**x, "train": x["train"][:-1]}, r"its 'train' is uint8 \(8, 784\) instead of uint8 \(9, 784\)"),
        (lambda x: {**x, "train": x["train"].astype("f4")}, "its 'train' is float32"),
        (lambda x: {"train": x["train"], "test": x["test"]}, "it has no array 'valid'"),
    ],
)
def test_another_content_is_refused(small, tmp_path, change, reason):
    (tmp_path / "binarized_mnist.npz").write_bytes(npz.pack(change(small)))
    with pytest.raises(UserError, match=rf"binarized_mnist\.npz cannot be used, because {reason}.*delete it"):
        BinarizedMnist(root=str(tmp_path)).load()


def test_a_truncated_file_is_refused(small, tmp_path):
    path = tmp_path / "binarized_mnist.npz"
    path.write_bytes(npz.pack(small)[:-100])
    with pytest.raises(UserError, match=r"binarized_mnist\.npz cannot be used, because it is damaged or cut off"):
        BinarizedMnist(root=str(tmp_path)).load()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[:-50], "instead of 9 x 784"),
        (lambda text: text.translate(bytes.maketrans(b"01", b"10")), "not the published one"),
        (lambda text: b"<html>", "holds 0 digits"),
    ],
)
def test_a_damaged_text_file_is_refused(small, tmp_path, change, reason):
    (tmp_path / "binarized_mnist_train.amat").write_bytes(change(amat(small["train"])))
    with pytest.raises(UserError, match=rf"binarized_mnist_train\.amat cannot be used, because .*{reason}"):
        BinarizedMnist(root=str(tmp_path)).load()


def test_missing_files_without_a_network_are_one_sentence(small, tmp_path):
    with pytest.raises(
        UserError, match=r"binarized_mnist_train\.amat is not in .* could not be downloaded .*data\.root"
    ):
        BinarizedMnist(root=str(tmp_path)).load()
