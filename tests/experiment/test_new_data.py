"""New points of a run whose values are missing, or that conditions on y, have missing values and y, too."""

from pathlib import Path

import numpy as np
import torch

from vaerun.data.arrays import Arrays
from vaerun.data.digits import Digits
from vaerun.experiment.new_data import read_new


def test_new_digits_have_classes_and_missing_values_as_the_hidden_digits_of_the_run(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 17, (12, 8, 8)).astype(np.float32)
    x[:, 2, 3:5] = np.nan
    np.savez(tmp_path / "new.npz", x=x, y=np.arange(12) % 3 + 4)
    info = Digits(condition="y", hide=0.3).load().info()
    new = read_new({"data": {"binarize_seed": 0}}, info, tmp_path / "new.npz")
    points = new.split("new").points()
    assert new.missing
    assert torch.equal(points[:, :64].isnan().reshape(12, 8, 8), torch.from_numpy(np.isnan(x)))
    assert set(points[:, :64][~points[:, :64].isnan()].tolist()) == {0.0, 1.0}
    assert points[:, 64:].argmax(1).tolist() == [4, 5, 6] * 4


def test_new_points_may_have_nan_if_the_run_has_hidden_values(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "new.npy", np.where(x[:5] > 1, np.nan, x[:5]))
    info = Arrays(path=str(tmp_path / "x.npy"), hide=0.2).load().info()
    node = {"_target_": "vaerun.data.arrays.Arrays", "path": "x.npy", "hide": 0.2, "missing": None}
    points = read_new({"data": node}, info, tmp_path / "new.npy").split("new").points()
    assert torch.equal(points.isnan(), torch.from_numpy(x[:5] > 1))
