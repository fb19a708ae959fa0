"""DisARM's own: bits that do not differ between the halves get no gradient. The rest stands in test_arm."""

import pytest
import torch

from tests.problems import family_and_model, give, node, objective
from vaerun.experiment.make import make
from vaerun.posterior.bernoulli import IndependentBernoulli

pytestmark = pytest.mark.usefixtures("exact")


def test_a_bit_that_is_the_same_in_both_halves_has_no_gradient() -> None:
    _, model = family_and_model("bernoulli", latent_dim=3)
    logits = torch.tensor([[2.0, -2.0, 0.1]], requires_grad=True)
    q = give(IndependentBernoulli(logits), "noise", torch.tensor([[[1.0, -1.0, 0.5]]]))  # only the last one differs
    x = torch.tensor([[1.0, 0.0, 1.0]])
    estimate = make(node("estimator/disarm"), {})(q, model, objective("elbo", 1), x)
    (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), logits)
    z = torch.tensor([[[1.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]]])
    r = (model.log_joint(x, z) - q.log_prob(z)).detach()
    wanted = 0.5 * float(r[0] - r[1]) * float(torch.tensor(0.1).sigmoid())
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 0.0, wanted]]))
