"""Means and samples of counts like those of a point have the total of that point, as its density does."""

import pytest
import torch
from torch import Tensor

from tests.problems import node
from vaerun.estimator.reweighted_wake_sleep import ReweightedWakeSleep
from vaerun.experiment.make import make
from vaerun.model.base import Model

X = torch.tensor([[400.0, 300.0, 200.0, 100.0], [1.0, 2.0, 0.0, 1.0]])


def model(likelihood: str) -> Model:
    facts = {"latent_dim": 2, "data_dim": 4, "data_mean": torch.full((4,), 10.0), "data_std": 1.0}
    return make(node("model/vae", {"likelihood": likelihood}, latent_dim=2), facts)


@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
def test_a_reconstruction_has_the_total_of_its_point(likelihood: str) -> None:
    mean = model(likelihood).mean_like(X, torch.randn(5, 2, 2))
    torch.testing.assert_close(mean.sum(-1), X.sum(-1).expand(5, 2))


def test_the_sleep_phase_draws_points_with_the_totals_of_the_data() -> None:
    torch.manual_seed(0)
    seen: list[Tensor] = []

    class Known:
        def log_prob(self, z: Tensor) -> Tensor:
            return z.sum(-1)

    def guide(x: Tensor) -> Known:
        seen.append(x)
        return Known()

    ReweightedWakeSleep(guide=guide, sleep=0.5).sleep_log_q(model("poisson"), X)  # type: ignore[arg-type]
    large, small = seen[0].sum(-1).tolist()
    assert 800 < large < 1200
    assert small < 20
