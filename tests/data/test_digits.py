import hashlib

import pytest
import torch

from vaerun.data.digits import Digits
from vaerun.data.split import Redrawn
from vaerun.errors import UserError


def test_the_embedded_split_is_fixed():
    dataset = Digits(binarize="none").load()
    assert [len(s) for s in (dataset.train, dataset.valid, dataset.test)] == [1297, 200, 300]
    assert (dataset.name, dataset.shape, dataset.support) == ("digits", (8, 8), "unit")
    splits = (dataset.train, dataset.valid, dataset.test)
    hashes = [hashlib.sha256(split.x.numpy().tobytes()).hexdigest()[:8] for split in splits]
    assert hashes == ["4e385d1b", "818e4736", "ca768460"]


def test_the_split_is_scikit_learns_rows_by_the_stated_rule():
    datasets = pytest.importorskip("sklearn.datasets")
    import numpy as np

    rows = datasets.load_digits().data[np.random.default_rng(0).permutation(1797)]
    dataset = Digits(binarize="none").load()
    found = torch.cat([dataset.train.x, dataset.valid.x, dataset.test.x])
    assert torch.equal(found.double(), torch.from_numpy(rows))


def test_grey_level_16_is_one():
    dataset = Digits(binarize="none").load()
    x = dataset.train.points()
    assert dataset.train.x.dtype == torch.uint8
    assert (x.min().item(), x.max().item()) == (0.0, 1.0)
    assert dataset.mean().mean().item() == pytest.approx(0.305356, abs=1e-5)


def test_static_is_the_default_and_dynamic_redraws():
    static = Digits().load()
    assert (static.binarize, static.support) == ("static", "binary")
    assert static.sha256 == Digits(binarize="static", binarize_seed=0).load().sha256
    assert Digits(binarize="dynamic").load().train.rule == Redrawn(1 / 16)


def test_a_wrong_choice_stops_before_reading():
    with pytest.raises(UserError, match="Did you mean 'static'"):
        Digits(binarize="statik")
