"""MNIST and Fashion-MNIST: files as they were published, or a sentence about what is wrong with them."""

import gzip
import shutil
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from vaerun.data import fashion_mnist, mnist
from vaerun.errors import UserError


class Kind(NamedTuple):
    """A data set, its folder, and that of the other one, whose files have the same names."""

    name: str
    source: Any
    folder: str
    other: str


KINDS = (
    Kind("mnist", mnist.Mnist, "MNIST", "FashionMNIST"),
    Kind("fashion_mnist", fashion_mnist.FashionMnist, "FashionMNIST", "MNIST"),
)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    for module in (mnist, fashion_mnist):
        monkeypatch.setattr(module, "MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_the_published_files_are_split_by_rows_in_their_order(kind, published):
    dataset = kind.source(root=str(published), binarize="none").load()
    with gzip.open(published / f"{kind.folder}/raw/train-images-idx3-ubyte.gz") as file:
        rows = torch.from_numpy(np.frombuffer(bytearray(file.read()), np.uint8, offset=16).reshape(60_000, 784))
    assert torch.equal(dataset.train.x, rows[:50_000])
    assert torch.equal(dataset.valid.x, rows[50_000:])
    assert len(dataset.test) == 10_000
    assert (dataset.name, dataset.shape, dataset.support) == (kind.name, (28, 28), "unit")
    assert dataset.train.points(slice(9)).max() == 1.0
    assert dataset.mean().mean().item() == pytest.approx(rows[:50_000].double().mean().item() / 255, abs=1e-6)


def test_static_is_the_default_and_stays_bytes(kind, published, monkeypatch):
    monkeypatch.setenv("VAERUN_DATA", str(published / kind.folder))
    dataset = kind.source().load()
    assert (dataset.binarize, dataset.support, dataset.train.x.dtype) == ("static", "binary", torch.uint8)
    assert dataset.train.x.max() == 1


def test_missing_files_without_a_network_are_one_sentence(kind, tmp_path, offline):
    with pytest.raises(
        UserError,
        match=rf"train-images-idx3-ubyte\.gz is not in .*/{kind.folder}/raw and could not be downloaded",
    ):
        kind.source(root=str(tmp_path / "new")).load()
    assert not (tmp_path / "new").exists()


def test_a_file_of_another_set_is_named(kind, published, tmp_path, offline):
    shutil.copy(published / f"{kind.other}/raw/train-images-idx3-ubyte.gz", tmp_path)
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz cannot be used, because it is not the published"):
        kind.source(root=str(tmp_path)).load()


def test_a_file_of_another_shape_is_named(kind, tmp_path, write_idx, offline):
    write_idx(tmp_path / f"{kind.folder}/raw/train-images-idx3-ubyte.gz", np.zeros((6, 28, 28), np.uint8))
    with pytest.raises(UserError, match=r"shape \(6, 28, 28\) instead of \(60000, 28, 28\): delete it"):
        kind.source(root=str(tmp_path)).load()


def test_a_truncated_file_is_named(kind, tmp_path, write_idx, offline):
    path = write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((6, 28, 28), np.uint8))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz cannot be used, because it is cut off"):
        kind.source(root=str(tmp_path)).load()
