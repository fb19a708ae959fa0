"""Claims about likelihoods: the right ones hold, and a mask that drops the wrong terms is found."""

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
