"""Every strategy reaches the maximum likelihood that is known, and one that moves the wrong way does not."""

import pytest
import torch
from torch import Tensor

from tests.problems import CONF
from vaerun.config.catalogue import Catalogue
from vaerun.notation import Estimate
from vaerun.posterior.gaussian import DiagonalGaussian
from vaerun.verify import strategy
from vaerun.verify.offer import Offer
from vaerun.verify.strategy import Corners

pytestmark = pytest.mark.usefixtures("exact")

CPU = torch.device("cpu")


def test_the_corners_have_the_moments_of_the_noise_and_other_numbers_of_draws_are_random() -> None:
    q = Corners(torch.zeros(3, 2), torch.zeros(3, 2))
    corners = q.noise(4)
    torch.testing.assert_close(corners.mean(0), torch.zeros(3, 2))
    torch.testing.assert_close(torch.einsum("kbi,kbj->bij", corners, corners) / 4, torch.eye(2).expand(3, 2, 2))
    torch.manual_seed(1)
    drawn = q.noise(2)
    torch.manual_seed(1)
    assert torch.equal(drawn, DiagonalGaussian.noise(q, 2))


def test_semi_amortized_points_are_refined_by_random_draws() -> None:
    """The held-out solver draws another number of samples than the law's corners, which once stopped the law."""
    offer = Offer(Catalogue([CONF]), {"strategy": "semi_amortized", "strategy/encoder_loss": "initial_bound"})
    found = list(strategy.claims(offer, seed=0, device=CPU))
    assert [claim.claimed for claim in found] == ["reaches ℓ_max", "never passes ℓ_max"]
    assert all(claim.holds for claim in found)


def test_descent_instead_of_ascent_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from vaerun.strategy.encoded import AmortizedBound

    forward = AmortizedBound.forward

    def flipped(self: AmortizedBound, x: Tensor) -> Estimate:
        estimate = forward(self, x)
        return estimate._replace(surrogate=-estimate.surrogate)

    monkeypatch.setattr(AmortizedBound, "forward", flipped)
    monkeypatch.setattr(strategy, "STEPS", 20)
    found = list(strategy.claims(Offer(Catalogue([CONF]), {"strategy": "amortized"}), seed=0, device=CPU))
    assert [claim.claimed for claim in found if claim.holds is False] == ["reaches ℓ_max"]
