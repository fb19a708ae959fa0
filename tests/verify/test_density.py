"""Claims about q: a planted error in one method is found by the claim that names it; without it all hold."""

import math

import pytest
import torch
from torch import Tensor

from vaerun.config.catalogue import Catalogue
from vaerun.config.folders import roots
from vaerun.posterior.full_gaussian import FullGaussian
from vaerun.posterior.gaussian import DiagonalGaussian, Gaussian
from vaerun.verify import density
from vaerun.verify.follow import distance, statistics, units
from vaerun.verify.offer import Offer

pytestmark = pytest.mark.usefixtures("exact")


def failing(name: str) -> set[str]:
    torch.manual_seed(0)
    offer = Offer(Catalogue(roots()), {"posterior": name})
    return {claim.claimed for claim in density.claims(offer, seed=0, device=torch.device("cpu")) if not claim.holds}


@pytest.mark.parametrize("name", ["gaussian", "full_gaussian"])
def test_a_right_q_is_without_fault(name: str) -> None:
    assert failing(name) == set()


def test_noise_that_is_too_narrow_is_found_in_what_is_transported(monkeypatch: pytest.MonkeyPatch) -> None:
    def narrow(self: DiagonalGaussian, k: int) -> Tensor:
        return 0.95 * torch.randn(k, *self.mu.shape)

    def right(self: DiagonalGaussian, k: int) -> Tensor:
        return (self.mu + self.log_sigma.exp() * torch.randn(k, *self.mu.shape)).detach()

    monkeypatch.setattr(DiagonalGaussian, "noise", narrow)
    monkeypatch.setattr(DiagonalGaussian, "sample", right)
    assert failing("gaussian") == {
        "transported noises have its scale and correlations",
        "transported noises have its shape",
    }


def test_samples_of_another_shape_with_the_same_moments_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def uniform(self: DiagonalGaussian, k: int) -> Tensor:
        noise = math.sqrt(12) * (torch.rand(k, *self.mu.shape) - 0.5)
        return (self.mu + self.log_sigma.exp() * noise).detach()

    monkeypatch.setattr(DiagonalGaussian, "sample", uniform)
    assert failing("gaussian") == {"samples have its scale and correlations", "samples have its shape"}


def test_samples_of_another_correlation_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = FullGaussian(latent_dim=2)(torch.zeros(1, FullGaussian(latent_dim=2).num_parameters)).__class__
    right = kind.sample

    def turned(self: object, k: int) -> Tensor:
        z = right(self, k)  # type: ignore[arg-type]
        mean = z.mean(0)
        return torch.cat((z[..., :1], 2 * mean[..., 1:] - z[..., 1:]), -1)

    monkeypatch.setattr(kind, "sample", turned)
    assert failing("full_gaussian") == {"samples have its scale and correlations"}


def test_a_frozen_q_that_is_another_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(self: DiagonalGaussian) -> DiagonalGaussian:
        return DiagonalGaussian(self.mu.detach(), self.log_sigma.detach() + 0.1)

    monkeypatch.setattr(DiagonalGaussian, "frozen", other)
    assert failing("gaussian") == {"frozen has its density"}


def test_steps_that_lead_down_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Gaussian.scale
    monkeypatch.setattr(Gaussian, "scale", lambda self, phi: -right(self, phi))
    assert failing("gaussian") == {"scale and inverse_fisher > 0"}


def test_the_distance_of_two_distribution_functions() -> None:
    axis, mass = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.5, 0.25, 0.25])
    assert distance(torch.tensor([0.0, 0.0, 1.0, 2.0]), axis, mass) == 0
    assert distance(torch.tensor([0.0, 1.0, 1.0, 2.0]), axis, mass) == 0.25
    assert distance(torch.tensor([1e-9, -1e-9, 1.0, 2.0]), axis, mass) == 0  # rounding is no difference


def test_pairs_of_coordinates_are_compared_too() -> None:
    u = torch.tensor([[2.0, 3.0]])
    one, other = u.tanh()[0]
    torch.testing.assert_close(statistics(u)["scale and correlations"][0], torch.stack((one**2, one * other, other**2)))


def test_units_are_the_quartiles_of_each_coordinate() -> None:
    z = torch.tensor([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    middle, unit = units(z, torch.tensor([0.2, 0.2, 0.4, 0.2]))
    assert middle.tolist() == [2.0, 5.0]
    assert unit.tolist() == [1.0, 1.0]
