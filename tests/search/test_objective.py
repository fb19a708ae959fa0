"""What a search maximises or minimises."""

import pytest

from vaerun.errors import UserError
from vaerun.search.objective import Objective, read_objectives


def test_the_direction_is_that_of_the_metric() -> None:
    tags = ["elbo/valid", "train_seconds", "iwae_50/valid", "inference_gap/valid", "pseudo_elbo/valid"]
    assert [one.better for one in read_objectives(tags)] == ["higher", "lower", "higher", "lower", "higher"]


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        (["elbo/test"], "use elbo/valid"),
        (["elb/valid"], "Did you mean 'elbo/valid'"),
        (["kl/valid"], "better direction"),  # neither way is better
        (["elbo/train"], "better direction"),
        ([], "at least one"),
        (["elbo/valid", "elbo/valid"], "different"),
    ],
)
def test_other_objectives_are_refused(tags: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read_objectives(tags)


def test_the_bound_is_that_of_the_best_checkpoint() -> None:
    summary = {"metrics": {"elbo/valid": -9.0, "iwae_5/valid": -7.0}, "best": {"valid": -8.0}, "train_seconds": 3}
    values = [Objective(tag, "").value(summary) for tag in ("elbo/valid", "iwae_5/valid", "train_seconds", "seconds")]
    assert values == [-8.0, -7.0, 3.0, None]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "x", True])
def test_a_value_that_is_not_finite_is_none(value: object) -> None:
    assert Objective("iwae_5/valid", "higher").value({"metrics": {"iwae_5/valid": value}}) is None
