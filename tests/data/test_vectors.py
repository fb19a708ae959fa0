"""data=arrays with data.standardise and data.dequantise: vectors whose coordinates have columns."""

import numpy as np
import pytest
import torch

from vaerun.data.arrays import Arrays
from vaerun.data.split import Dequantised
from vaerun.errors import UserError

X = np.random.default_rng(0).normal(size=(40, 3)).astype("f4") * np.array([1, 100, 0.01], "f4") + 5


@pytest.fixture
def load(tmp_path):
    def load(x=X, **keys):
        np.savez(tmp_path / "x.npz", x=x)
        return Arrays(path=str(tmp_path / "x.npz"), **keys).load()

    return load


def test_standardising_records_the_moments_and_leaves_x_as_it_is(load):
    data, plain = load(standardise=True), load()
    assert torch.equal(data.train.x, plain.train.x)
    assert data.sha256 == plain.sha256
    assert plain.columns == ()
    assert all(c.standardised and c.kind == "real" and c.width == 0 for c in data.columns)
    assert [c.mean for c in data.columns] == pytest.approx(data.train.x.double().mean(0).tolist())
    assert [c.std for c in data.columns] == pytest.approx(data.train.x.double().std(0, correction=0).tolist())
    assert data.train.variances().sqrt().tolist() == pytest.approx([c.std for c in data.columns])
    assert "standardised in the model" in data.values


def test_noise_is_added_to_vectors_on_a_grid(load):
    data = load(x=X.round(1), dequantise=True)
    assert [c.width for c in data.columns] == pytest.approx([0.1, 0.1, 0.0])  # the last is constant
    assert isinstance(data.train.rule, Dequantised)
    assert data.train.source_rows is not None
    assert data.sha256 != load(x=X.round(1)).sha256


def test_images_and_bits_are_refused(load):
    images = np.random.default_rng(0).random((20, 4, 4), dtype="f4")
    with pytest.raises(UserError, match=r"data\.standardise=true needs vectors .* got points of shape \[4, 4\]"):
        load(images, standardise=True)
    with pytest.raises(UserError, match=r"data\.dequantise=true needs vectors .* got data\.binarize=static"):
        load(images[:, 0], dequantise=True, binarize="static")
    with pytest.raises(UserError, match=r"whose values lie on a grid"):
        load(dequantise=True)
