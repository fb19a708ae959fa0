"""p(z given c) = N(μ(c), diag σ²(c)): its closed forms, and what it refuses."""

import pytest
import torch

from tests.problems import family_and_model, node, options
from vaerun.errors import UserError
from vaerun.exact.expectation import spaces
from vaerun.experiment.make import make
from vaerun.model.prior.conditional_normal import ConditionalNormal, DiagonalNormal
from vaerun.posterior.base import ClosedFormKL
from vaerun.verify.density import summed_kl

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize("name", options("posterior"))
def test_the_kl_in_closed_form_is_the_sum(name: str) -> None:
    family, _ = family_and_model(name, latent_dim=2)
    q = family((family.initial() + 0.3 * torch.randn(family.num_parameters)).unsqueeze(0))
    if not isinstance(q, ClosedFormKL) or not issubclass(DiagonalNormal, q.closed_form_with):
        pytest.skip("no closed form with normal priors")
    prior = DiagonalNormal(torch.tensor([[0.4, -1.0]]), torch.tensor([[0.3, -0.2]]))
    over = spaces(q, 2, 1)
    assert over is not None
    wanted, coarse = (summed_kl(q, prior, one) for one in over)
    torch.testing.assert_close(q.kl(prior)[0], wanted, rtol=0, atol=1e-8 + 2 * float((wanted - coarse).detach().abs()))


def test_each_class_has_its_own_mean_and_variance() -> None:
    prior: ConditionalNormal = make(node("model/prior/conditional_normal"), {"latent_dim": 3, "given_dim": 2})
    each = prior.given(torch.eye(2))
    (gradient,) = torch.autograd.grad(each.log_prob(torch.ones(2, 3))[1], prior.layers[0].weight)
    assert gradient[:, 0].abs().max() == 0  # the weights of the other class
    assert (gradient[:, 1].abs() > 0).all()
    assert each.log_prob(torch.zeros(4, 2, 3)).shape == (4, 2)
    assert float(each.mu.detach().abs().max()) < 0.1  # starts near N(0, I)


def test_it_needs_a_condition() -> None:
    with pytest.raises(UserError, match=r"needs data with a condition: use data\.condition=y"):
        ConditionalNormal(latent_dim=2)
