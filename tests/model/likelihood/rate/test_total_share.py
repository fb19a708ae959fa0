import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
from vaerun.evaluation.ais import AISEvaluation
from vaerun.experiment.make import make
from vaerun.model.likelihood.rate.total_share import TotalShare

MEAN = torch.tensor([0.5, 2.0, 7.5])


def model_of(rate: str):
    facts = {"latent_dim": 2, "data_dim": 3, "data_mean": MEAN, "data_std": 1.0}
    vae = node("model/vae", {"likelihood": "poisson"}, latent_dim=2)
    vae["likelihood"]["rate"] = node(f"model/likelihood/rate/{rate}")
    return make(vae, facts)


def test_the_rates_add_up_to_the_total(seeded):
    rate, x = TotalShare(data_mean=MEAN), torch.poisson(MEAN.expand(4, 3))
    outputs = torch.randn(2, 4, 3)
    torch.testing.assert_close(rate.log_rate(outputs, rate.total(x)).exp().sum(-1), x.sum(-1).expand(2, 4))
    assert rate.reference == 10


def test_missing_values_are_refused_and_the_remedy_is_not():
    with pytest.raises(UserError, match=r"total of each point.*: use model/likelihood/rate=free\.$"):
        TotalShare(data_mean=MEAN, missing=True)
    make(node("model/likelihood/rate/free"), {"data_mean": MEAN, "missing": True})


def test_a_bound_says_that_the_total_is_given():
    assert model_of("total_share").target == "x given its total"
    assert model_of("free").target == "x"


def test_no_upper_bound_is_reported_for_points_that_are_drawn_at_another_total(seeded):
    """A simulated x is drawn at the average total and evaluated at its own: z is no exact sample of p(z given x)."""
    data = torch.zeros(4, 3)

    class Four:
        def split(self, name):
            from vaerun.data.split import Split

            return Split(data)

    evaluation: AISEvaluation = make(node("evaluation/ais", simulate=True, points=4, split="test"), {})
    with pytest.raises(UserError, match=r"drawn from the density.*rate=free\.$"):
        evaluation.pairs(model_of("total_share"), Four())
    assert list(evaluation.pairs(model_of("free"), Four()))
