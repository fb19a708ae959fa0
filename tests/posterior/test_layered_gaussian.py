"""q(z; φ) = N(z_1; μ, diag σ²) Π_l N(z_l; μ_l(z_{l−1}), diag σ_l²(z_{l−1}))."""

import math

import numpy
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from tests.problems import node, objective
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.hierarchical import Hierarchical, LayeredNormal
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.posterior.gaussian import Gaussian
from vaerun.posterior.layered_gaussian import LayeredGaussian

pytestmark = pytest.mark.usefixtures("exact")

A, B, S, NOISE = (
    0.8,
    -0.3,
    0.6,
    0.5,
)  # z_2 ~ N(0, 1), z_1 given z_2 ~ N(A z_2 + B, S²), x given z_1 ~ N(Wz_1 + c, NOISE²)
W, C = torch.tensor([1.2, -0.7], dtype=torch.float64), torch.tensor([0.4, 0.1], dtype=torch.float64)
X = torch.tensor([[0.5, -1.0], [2.0, 0.3], [-0.2, 0.8]], dtype=torch.float64)


def family_of(*layers: int, hidden: tuple[int, ...] = (4,)) -> LayeredGaussian:
    facts = {"latent_dim": sum(layers), "latent_layers": layers}
    family: LayeredGaussian = make(node("posterior/layered_gaussian", hidden=list(hidden)), facts)
    with torch.no_grad():
        for weight in family.parameters():
            weight.add_(0.5 * torch.randn_like(weight))
    return family


def raw(log_sigma: float) -> float:
    """s with log σ = 7 tanh(s/7)."""
    return 7 * math.atanh(log_sigma / 7)


def two_layers() -> Hierarchical:
    """The linear-Gaussian model of the constants above."""
    facts = {"latent_dim": None, "data_dim": 2, "data_mean": C, "data_std": 1.0}
    chosen = node("model/hierarchical", {"likelihood": "fixed_gaussian"}, layers=[1, 1], hidden=[])
    chosen["likelihood"]["sigma"], chosen["decoder"]["hidden"] = NOISE, []
    model: Hierarchical = make(chosen, facts)
    assert isinstance(model.prior, LayeredNormal)
    fill(model.prior.maps[0][0], [[A], [0.0]], [B, raw(math.log(S))])
    fill(model.decoder.layers[0], W.unsqueeze(1).tolist(), C.tolist())
    return model


@torch.no_grad()
def fill(layer: nn.Linear, weight: list[list[float]], bias: list[float]) -> None:
    layer.weight.copy_(torch.tensor(weight))
    layer.bias.copy_(torch.tensor(bias))


def log_evidence(x: Tensor) -> Tensor:
    """log p(x) = log N(x; WB + c, (A² + S²) WWᵀ + NOISE² I)."""
    covariance = (A**2 + S**2) * torch.outer(W, W) + NOISE**2 * torch.eye(2)
    return MultivariateNormal(W * B + C, covariance).log_prob(x)


def exact_posterior() -> tuple[LayeredGaussian, Tensor]:
    """The family and φ with q(z; φ) = p(z_1 given x) p(z_2 given z_1), which a normal q over both layers is not."""
    family = family_of(1, 1, hidden=())
    variance = 1 / (1 / (A**2 + S**2) + (W @ W) / NOISE**2)
    mean = variance * (B / (A**2 + S**2) + (X - C) @ W / NOISE**2)
    above = 1 / (1 + A**2 / S**2)
    fill(family.maps[0][0], [[above * A / S**2], [0.0]], [-above * A * B / S**2, raw(0.5 * math.log(above))])
    return family, torch.stack((mean, torch.full((3,), raw(0.5 * float(variance.log())))), 1)


def nodes(count: int) -> tuple[Tensor, Tensor]:
    """Gauss-Hermite nodes of N(0, I_2), Float[Tensor, "K B 2"], and their weights."""
    points, weights = (torch.from_numpy(some) for some in numpy.polynomial.hermite_e.hermegauss(count))
    noise = torch.cartesian_prod(points, points).unsqueeze(1).expand(-1, 3, -1)
    return noise, torch.cartesian_prod(weights, weights).prod(-1) / (2 * math.pi)


def elbo(family: LayeredGaussian, phi: Tensor, count: int = 40) -> Tensor:
    """E_q[log p(x, z) − log q(z)] by quadrature over the noise of q, Float[Tensor, "B"]."""
    noise, weights = nodes(count)
    z, log_q = family(phi).transport(noise)
    return (weights.unsqueeze(1) * (two_layers().log_joint(X, z) - log_q)).sum(0)


def test_with_linear_maps_it_is_one_normal_distribution() -> None:
    """z_1 = μ + σε_1, z_2 = Fz_1 + f + τε_2 have the covariance L Lᵀ with L = [[σ, 0], [Fσ, τ]]."""
    family, phi = family_of(2, 3, hidden=()), torch.randn(4, 4)
    F, shift = family.maps[0][0].weight[:3].detach(), family.maps[0][0].bias.detach()
    with torch.no_grad():
        family.maps[0][0].weight[3:] = 0.0
    mu, sigma = phi[:, :2], bounded_log_scale(phi[:, 2:]).exp()
    tau = bounded_log_scale(shift[3:]).exp()
    factor = torch.zeros(4, 5, 5)
    factor[:, :2, :2] = torch.diag_embed(sigma)
    factor[:, 2:, :2] = F @ torch.diag_embed(sigma)
    factor[:, 2:, 2:] = tau.diag()
    peer = MultivariateNormal(torch.cat((mu, mu @ F.T + shift[:3]), 1), scale_tril=factor)
    z, noise = torch.randn(6, 4, 5), torch.randn(6, 4, 5)
    torch.testing.assert_close(family(phi).log_prob(z).detach(), peer.log_prob(z))
    moved = peer.loc + (factor @ noise.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(family(phi).transport(noise)[0].detach(), moved)


def test_a_layer_depends_on_the_one_below_it_and_on_no_other() -> None:
    family, phi = family_of(2, 1, 2), torch.randn(1, 4)
    assert family.num_parameters == 4

    def conditionals(z: Tensor) -> Tensor:
        first, second, _ = z.split([2, 1, 2], -1)
        return torch.cat((family.maps[0](first), family.maps[1](second)), -1)

    z = torch.randn(1, 1, 5)
    peer = Gaussian(latent_dim=2)(phi).log_prob(z[..., :2])
    for outputs, here in zip(conditionals(z).split([2, 4], -1), z[..., 2:].split([1, 2], -1), strict=True):
        mu, raw_scale = outputs.chunk(2, -1)
        peer = peer + torch.distributions.Normal(mu, bounded_log_scale(raw_scale).exp()).log_prob(here).sum(-1)
    torch.testing.assert_close(family(phi).log_prob(z), peer)


def test_at_the_posterior_of_a_linear_gaussian_model_every_weight_is_the_evidence() -> None:
    """r(z) = log p(x) for every z, so the ELBO and L_K are log p(x) without noise."""
    family, phi = exact_posterior()
    model = two_layers()
    z, log_q = family(phi).transport(torch.randn(7, 3, 2))
    torch.testing.assert_close((model.log_joint(X, z) - log_q).detach(), log_evidence(X).expand(7, -1))
    torch.testing.assert_close(elbo(family, phi).detach(), log_evidence(X))
    for option, k in (("elbo", 1), ("iwae", 5)):
        bound = Bound(
            model=model,
            family=family,
            objective=objective(option, k),
            estimator=make(node("estimator/reparam"), {}),
            engine=None,
        )
        torch.testing.assert_close(bound(X, phi).value.detach(), log_evidence(X))


def test_elsewhere_the_bound_is_the_evidence_less_the_divergence() -> None:
    """log p(x) − KL(q ‖ p(z given x)), where both are normal distributions over z."""
    best, phi = exact_posterior()
    other = family_of(1, 1, hidden=())
    with torch.no_grad():
        other.maps[0][0].weight[1] = 0.0
    moved = phi + 0.3 * torch.randn_like(phi)

    def normal(family: LayeredGaussian, at: Tensor) -> MultivariateNormal:
        slope, shift = family.maps[0][0].weight[0, 0].detach(), family.maps[0][0].bias.detach()
        sigma, tau = bounded_log_scale(at[:, 1]).exp(), bounded_log_scale(shift[1]).exp().expand(3)
        zero = torch.zeros(3)
        factor = torch.stack((torch.stack((sigma, zero), -1), torch.stack((slope * sigma, tau), -1)), -2)
        return MultivariateNormal(torch.stack((at[:, 0], slope * at[:, 0] + shift[0]), -1), scale_tril=factor)

    divergence = torch.distributions.kl_divergence(normal(other, moved), normal(best, phi))
    assert (divergence > 0.01).all()
    torch.testing.assert_close(elbo(other, moved).detach(), log_evidence(X) - divergence)


def test_its_gradient_is_that_of_differences() -> None:
    """In φ and in every weight of the networks, of the bound as a sum over quadrature nodes."""
    family, phi = family_of(1, 1), torch.randn(3, 2).requires_grad_()
    leaves = [phi, *family.parameters()]
    gradients = torch.autograd.grad(elbo(family, phi).sum(), leaves)
    for leaf, gradient in zip(leaves, gradients, strict=True):
        step = 1e-5 * torch.randn_like(leaf)
        with torch.no_grad():
            leaf += step
            above = elbo(family, phi).sum()
            leaf -= 2 * step
            below = elbo(family, phi).sum()
            leaf += step
        assert gradient.any()
        torch.testing.assert_close((gradient * step).sum(), (above - below) / 2, rtol=1e-5, atol=1e-12)


def test_the_layers_are_those_of_the_model_or_two_halves() -> None:
    option = node("posterior/layered_gaussian")
    assert make(option, {"latent_dim": 5, "latent_layers": (4, 1)}).layers == [4, 1]
    assert make(option, {"latent_dim": 5}).layers == [3, 2]
    assert make(option, {"latent_dim": 1}).layers == [1]
    assert two_layers().latent_layers == (1, 1)
    assert (
        make(node("model/vae", latent_dim=2), {"data_dim": 2, "data_mean": C.abs(), "latent_dim": 2}).latent_layers
        == ()
    )
    with pytest.raises(UserError, match="4 together, got"):
        make(option, {"latent_dim": 4, "latent_layers": (2, 1)})
