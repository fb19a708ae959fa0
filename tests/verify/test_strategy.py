"""Every strategy reaches the maximum likelihood that is known, and one that moves the wrong way does not."""

import pytest
import torch
from torch import Tensor

from tests.problems import CONF
from vaerun.config.catalogue import Catalogue
from vaerun.notation import Batch, Estimate
from vaerun.posterior.gaussian import DiagonalGaussian
from vaerun.strategy.amortized import Amortized
from vaerun.strategy.base import Inference
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
    assert [claim.claimed for claim in found] == ["reaches ℓ_max", "never passes ℓ_max", "infer changes nothing"]
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


@pytest.mark.parametrize("claimed", ["infer changes nothing", "φ of points apart"])
def test_an_inference_that_learns_or_that_mixes_points_is_found(claimed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    infer = Amortized.infer

    def learns(self: Amortized, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        if split == "test" and index is not None:
            with torch.enable_grad():
                self.lam_step(Batch(index, x))
        return infer(self, x, index, split)

    def mixes(self: Amortized, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        phi = infer(self, x, index, split).phi
        return Inference(phi + 1e-6 * phi.mean(0))

    monkeypatch.setattr(Amortized, "infer", learns if claimed.startswith("infer") else mixes)
    monkeypatch.setattr(strategy, "STEPS", 2)
    monkeypatch.setattr(strategy, "REACHED", 1e9)
    found = strategy.claims(Offer(Catalogue([CONF]), {"strategy": "amortized"}), seed=0, device=CPU)
    assert [claim.claimed for claim in found if claim.holds is False] == [claimed]
