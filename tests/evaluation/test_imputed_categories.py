"""A missing category is the likeliest one given the observed part of its point, and not a mean of codes."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nan

from tests.problems import node, objective
from vaerun.bound.bound import Bound
from vaerun.evaluation.imputation import impute
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.notation import Column

pytestmark = pytest.mark.usefixtures("exact")
COLUMNS = (
    Column("four", kind="categorical", categories=("a", "b", "c", "d"), shares=(0.4, 0.1, 0.1, 0.4)),
    Column("real", mean=1.0, std=2.0, standardised=True),
    Column("two", kind="categorical", categories=("a", "b"), shares=(0.5, 0.5)),
)
X = torch.tensor([[nan, 2.0, nan], [nan, -1.0, 1.0], [3.0, nan, nan]], dtype=torch.float64)


def bound() -> Bound:
    """Of a linear model of three columns with one z."""
    facts: dict[str, Any] = {"latent_dim": 1, "data_dim": 3, "data_mean": torch.ones(3), "data_std": 1.0}
    facts |= {"columns": COLUMNS, "missing": True}
    vae = node("model/vae", {"likelihood": "mixed"}, latent_dim=1)
    vae["decoder"]["hidden"] = []
    model: Model = make(vae, facts)
    with torch.no_grad():
        for weight in model.decoder.parameters():  # type: ignore[union-attr]
            weight.copy_(1.5 * torch.randn_like(weight))
    family = make(node("posterior/gaussian"), facts)
    return Bound(
        model=model, family=family, objective=objective("elbo", 1), estimator=make(node("estimator/reparam"), facts)
    )


def shares(model: Model, j: int, count: int) -> Tensor:
    """p(x_j = l given the observed part) by a sum over z, Float[Tensor, "B count"]."""
    z = torch.linspace(-8, 8, 4001).reshape(-1, 1, 1).expand(-1, len(X), 1)
    log_weight = model.log_joint(X, z)
    columns = []
    for code in range(count):
        x = torch.ones_like(X)
        x[:, j] = code
        columns.append((log_weight + model.terms(x, z)[..., j]).logsumexp(0))
    return torch.stack(columns, -1).softmax(-1)


@torch.no_grad()
def test_it_is_the_likeliest_category_with_its_probability() -> None:
    torch.manual_seed(3)
    its = bound()
    phi = its.family.initial().expand(len(X), -1)
    strategy: Any = SimpleNamespace(bound=its, infer=lambda x: SimpleNamespace(phi=phi[: len(x)]))
    found = impute(strategy, X, num_samples=40_000)
    for j, count in ((0, 4), (2, 2)):
        P, code = shares(its.model, j, count).max(-1)
        absent = X[:, j].isnan()
        torch.testing.assert_close(found.x[absent, j], code[absent].to(X))
        torch.testing.assert_close(found.standard_deviation[absent, j], (P * (1 - P)).sqrt()[absent], atol=0.02, rtol=0)
        assert bool((found.standard_deviation[~absent, j] == 0).all())
    assert float(found.x[2, 0]) == 3.0
