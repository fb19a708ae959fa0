"""θ as on the importance-weighted bound, φ along the reweighted scores of q and of the model's dreams, enumerated."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.problems import all_draws, bernoulli_space, family_and_model, give, node, objective, parameters, space, truth
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.estimator.reweighted_wake_sleep import ReweightedWakeSleep
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.posterior.base import Family, Posterior

pytestmark = pytest.mark.usefixtures("exact")


class Guide(nn.Module):
    """x ↦ q(z; A x): an encoder with one weight matrix."""

    def __init__(self, family: Family) -> None:
        super().__init__()
        self.family = family
        self.A = nn.Parameter(torch.randn(3, family.num_parameters))

    def forward(self, x: Tensor) -> Posterior:
        return self.family(x @ self.A)


def rws(guide: Any = None, **keys: float) -> ReweightedWakeSleep:
    return make(node("estimator/reweighted_wake_sleep", **keys), {"guide": guide})


def point() -> Tensor:
    return torch.tensor([[1.0, 0.0, 1.0]])


def mean_gradients(estimator: nn.Module, k: int, beta: float) -> list[Tensor]:
    """(in φ, in θ …) of the expected surrogate over every draw of k samples."""
    torch.manual_seed(0)
    family, model = family_and_model("bernoulli", latent_dim=2)
    phi = torch.tensor([[0.4, -0.9]], requires_grad=True)
    draws = all_draws(family(phi), k)
    rows = torch.zeros(len(draws.probability), dtype=torch.long)
    q = give(family(phi[rows]), draws.method, draws.values)
    estimate = estimator(q, model, objective("iwae", k, beta), point()[rows])
    return list(torch.autograd.grad((draws.probability * estimate.surrogate).sum(), [phi, *parameters(model)]))


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("k", [2, 3])
def test_theta_has_the_gradient_of_the_importance_weighted_bound(k: int, beta: float) -> None:
    _, *found = mean_gradients(rws(), k, beta)
    torch.manual_seed(0)
    family, model = family_and_model("bernoulli", latent_dim=2)
    answer = truth(
        family(torch.tensor([[0.4, -0.9]])), model, objective("iwae", k), point(), space("binary", 2), beta=beta
    )
    for a, b in zip(found, torch.autograd.grad(answer.bound, parameters(model)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("k", [2, 3])
def test_phi_has_the_reweighted_score_of_every_draw(k: int, beta: float) -> None:
    """Σ over K-tuples of Π q(z_k) Σ_k w̃_k (z_k − p), with weights and scores of one bit written out."""
    found = mean_gradients(rws(), k, beta)[0]
    torch.manual_seed(0)
    family, model = family_and_model("bernoulli", latent_dim=2)
    phi = torch.tensor([[0.4, -0.9]])
    q, draws = family(phi), all_draws(family(phi), k)
    log_q = q.log_prob(draws.values)
    weight = (
        (model.log_likelihood(point(), draws.values) + beta * (model.log_prior(draws.values) - log_q)).exp().detach()
    )
    normalised = weight / weight.sum(0)
    score = (normalised.unsqueeze(-1) * (draws.values - phi.sigmoid())).sum(0)
    wanted = (draws.probability.unsqueeze(1) * score).sum(0)
    assert wanted.abs().min() > 1e-3
    torch.testing.assert_close(found[0], wanted)


def test_with_many_samples_phi_descends_the_divergence_from_the_posterior() -> None:
    """Σ_k w̃_k ∇ log q(z_k) → E_{p(z given x)}[∇ log q(z)]: exactly, every z drawn in its proportion."""
    family, model = family_and_model("bernoulli", latent_dim=2)
    phi = torch.zeros(1, 2, requires_grad=True)
    z = space("binary", 2).z
    estimate = rws()(give(family(phi), "sample", z), model, objective("iwae", 4), point())
    (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), phi)
    posterior = model.log_joint(point(), z).softmax(0).detach()
    torch.testing.assert_close(gradient, (posterior.unsqueeze(-1) * z).sum(0) - 0.5)


def dreaming(model: Model, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Makes the model dream every (z, x) once, and returns their probabilities, Float[Tensor, "32"]."""
    z = space("binary", 2).z[:, 0].repeat_interleave(8, 0)
    x = bernoulli_space(3).to(z).repeat(4, 1)
    monkeypatch.setattr(model.prior, "sample", lambda n: z[:n])
    monkeypatch.setattr(model, "observe_like", lambda like, z: x.unsqueeze(0))
    return model.log_joint(x, z.unsqueeze(0))[0].exp().detach()


@pytest.mark.parametrize("sleep", [0.25, 1.0])
def test_the_dreams_are_the_models_and_are_blended_with_the_wake(sleep: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """λ's expected gradient is s · ∇ Σ_{z, x} p(z, x) log q(z; f_λ(x)), φ's (1 − s) times that of the wake phase."""
    family, model = family_and_model("bernoulli", latent_dim=2)
    guide = Guide(family)
    probability = dreaming(model, monkeypatch)
    assert float(probability.sum()) == pytest.approx(1)
    phi = torch.randn(32, 2, requires_grad=True)
    samples = family(phi).sample(3)
    x = point().expand(32, -1)
    blended, awake = (
        one(give(family(phi), "sample", samples), model, objective("iwae", 3), x).surrogate
        for one in (rws(guide, sleep=sleep), rws(guide))
    )
    (found,) = torch.autograd.grad((probability * blended).sum(), guide.A, retain_graph=True)
    z, dreamt = space("binary", 2).z[:, 0].repeat_interleave(8, 0), bernoulli_space(3).to(phi).repeat(4, 1)
    p = (dreamt @ guide.A).sigmoid().detach()
    wanted = dreamt.T @ (probability.unsqueeze(1) * (z - p))
    torch.testing.assert_close(found, sleep * wanted)
    gradients = [torch.autograd.grad(s.sum(), phi, retain_graph=True)[0] for s in (blended, awake)]
    torch.testing.assert_close(gradients[0], (1 - sleep) * gradients[1])
    weights = parameters(model)
    for a, b in zip(
        torch.autograd.grad(blended.sum(), weights), torch.autograd.grad(awake.sum(), weights), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_the_encoder_is_no_part_of_it_and_a_dream_is_counted() -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    guide = Guide(family)
    estimator = rws(guide, sleep=0.5)
    assert list(estimator.modules()) == [estimator]
    assert not estimator.state_dict()
    bound = Bound(model=model, family=family, objective=objective("iwae", 5), estimator=estimator)
    assert not {id(p) for p in bound.parameters()} & {id(guide.A)}
    assert bound.decodes == 6
    assert rws(guide).decodes(5, family) == 5
    assert bool(torch.isfinite(bound(point(), torch.zeros(1, 2)).surrogate).all())


def test_dreams_of_a_real_model_train_the_encoder() -> None:
    family, model = family_and_model("gaussian", latent_dim=2)
    guide = Guide(family)
    estimate = rws(guide, sleep=1.0)(family(torch.zeros(4, 4)), model, objective("iwae", 2), point().expand(4, -1))
    (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), guide.A)
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("sleep", [-0.1, 1.1])
def test_a_part_outside_0_1_is_refused(sleep: float) -> None:
    with pytest.raises(UserError, match=r"estimator\.sleep"):
        rws(lambda x: None, sleep=sleep)


def test_dreams_without_an_encoder_are_refused() -> None:
    with pytest.raises(UserError, match="strategy=amortized"):
        rws(None, sleep=0.5)
