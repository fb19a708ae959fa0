"""Hidden values: missing completely at random, with the same truth below."""

import pytest
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.data.digits import Digits
from vaerun.data.linear_gaussian import LinearGaussianData
from vaerun.errors import UserError


def points(data: Dataset) -> list[Tensor]:
    return [data.split(name).points() for name in ("train", "valid", "test")]


def test_values_are_hidden_and_the_others_stay() -> None:
    truth, hidden = Digits().load(), Digits(hide=0.3).load()
    for before, after in zip(points(truth), points(hidden), strict=True):
        missing = after.isnan()
        assert float(missing.float().mean()) == pytest.approx(0.3, abs=0.02)
        assert torch.equal(before[~missing], after[~missing])
    assert hidden.missing
    assert not truth.missing
    assert hidden.support == "binary"
    assert "% of the values missing" in hidden.values


@pytest.mark.parametrize("source", [Digits, LinearGaussianData])
def test_what_is_hidden_does_not_depend_on_the_values(source: type) -> None:
    """One stream of random numbers for values and places would hide the large values of each data set."""
    truth, hidden = source().load(), source(hide=0.5).load()
    before, missing = truth.train.points(), hidden.train.points().isnan()
    together = torch.stack((before.flatten(), missing.float().flatten()))
    assert abs(float(torch.corrcoef(together)[0, 1])) < 4.5 / missing.numel() ** 0.5


def test_a_seed_is_a_choice_of_places() -> None:
    one, same, other = (Digits(hide=0.5, hide_seed=seed).load() for seed in (0, 0, 1))
    assert one.sha256 == same.sha256 != other.sha256
    assert not torch.equal(one.train.x.isnan(), other.train.x.isnan())
    assert not torch.equal(one.valid.x.isnan()[:200], one.train.x.isnan()[:200])


def test_dynamic_values_are_drawn_anew_and_hidden_places_stay() -> None:
    data = Digits(hide=0.5, binarize="dynamic").load()
    first, second = data.train.points(), data.train.points()
    assert torch.equal(first.isnan(), second.isnan())
    assert not torch.equal(first.nan_to_num(-1), second.nan_to_num(-1))
    assert torch.equal(data.valid.points().nan_to_num(-1), data.valid.points().nan_to_num(-1))


def test_nothing_is_hidden_at_0() -> None:
    assert Digits().load().sha256 == Digits(hide=0.0, hide_seed=3).load().sha256


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_a_fraction_is_below_1(fraction: float) -> None:
    with pytest.raises(UserError, match=r"data\.hide must be at least 0 and below 1"):
        Digits(hide=fraction)


def test_a_value_that_nobody_sees_is_refused() -> None:
    with pytest.raises(UserError, match=r"every value must be observed in at least one training point, but value \d+"):
        LinearGaussianData(num_train=3, hide=0.9).load()


def test_points_without_any_value_are_told() -> None:
    data = LinearGaussianData(data_dim=3, hide=0.8).load()
    assert any("no observed value" in warning for warning in data.warnings)
