"""A family that says it contains p(z given x) reaches log p(x), and one that does not contain it is found out."""

import pytest
import torch

from tests.problems import node
from vaerun.config.catalogue import Catalogue
from vaerun.config.hydra import roots
from vaerun.exact.expectation import space
from vaerun.experiment.make import make
from vaerun.verify.containment import REACHED, claims, correlated, loss
from vaerun.verify.offer import Offer

pytestmark = pytest.mark.usefixtures("exact")


def test_those_that_say_so_do() -> None:
    offer = Offer(Catalogue(roots()[:1]))
    found = list(claims(offer, seed=0, device=torch.device("cpu")))
    assert {claim.method for claim in found} == {"full_gaussian", "low_rank_gaussian", "autoregressive_bernoulli"}
    assert all(claim.holds for claim in found)


def test_a_diagonal_normal_misses_it_by_the_known_gap() -> None:
    model, x = correlated(), torch.tensor([[1.0, -0.5, 0.3]])
    family = make(node("posterior/gaussian"), {"latent_dim": 2})
    gap = loss(family, model, x, space("real", 2, width=8.0, cell=0.1))
    assert gap == pytest.approx(float(model.diagonal_gap().detach()), abs=1e-6)
    assert gap > 1000 * REACHED
