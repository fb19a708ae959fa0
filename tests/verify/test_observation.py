"""Claims about priors and likelihoods: the right ones hold, and a mask that drops the wrong terms is found."""

import math

import pytest
import torch
from torch import Tensor

from vaerun.config.catalogue import Catalogue
from vaerun.config.folders import roots
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood
from vaerun.verify import observation
from vaerun.verify.claim import Claim
from vaerun.verify.offer import Offer

CLAIMED = "missing x_j is summed over"

pytestmark = pytest.mark.usefixtures("exact")


def claims(name: str) -> list[Claim]:
    offer = Offer(Catalogue(roots()), {"model/likelihood": name})
    found = observation.claims(offer, seed=0, device=torch.device("cpu"))
    return [claim for claim in found if claim.claimed == CLAIMED]


@pytest.mark.parametrize("name", ["bernoulli", "gaussian", "continuous_bernoulli", "categorical"])
def test_a_masked_likelihood_is_the_marginal(name: str) -> None:
    (claim,) = claims(name)
    assert claim.holds


def test_a_mask_that_is_turned_round_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def turned(self: Likelihood, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        return torch.where(observed, 0.0, self.terms(x, outputs)).sum(-1)

    monkeypatch.setattr(BernoulliLikelihood, "masked_log_prob", turned)
    (claim,) = claims("bernoulli")
    assert not claim.holds


@pytest.mark.parametrize(
    ("middle", "scale", "factor", "holds"),
    [
        (0.0, 1.0, 1.0, True),  # the kink is a point of the grid
        (0.0, 0.6, 1.0, True),
        (0.0, 1.0, 1.0001, False),
        (0.37, 1.0, 1.0, True),
        (0.37, 1.0, 2.0, False),
    ],
)
def test_a_prior_with_a_kink_sums_to_one_if_it_is_a_density(
    middle: float, scale: float, factor: float, holds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = Offer(Catalogue(roots()), {"model/prior": "standard_normal"})
    problem = observation.posed(offer, {"model/prior": "standard_normal"}, seed=0, device=torch.device("cpu"))
    assert problem is not None

    def laplace(z: Tensor, given: Tensor) -> Tensor:
        dim = z.shape[-1]
        return math.log(factor) - dim * math.log(2 * scale) - ((z - middle).abs() / scale).sum(-1)

    monkeypatch.setattr(problem.model, "log_prior", laplace)
    (claim,) = observation.prior(problem, "laplace")
    assert claim.holds is holds
