"""b* = E[‖∇ log q‖² c] / E[‖∇ log q‖²], found from earlier steps, and the best of all constants."""

import pytest
import torch
from torch import Tensor

from tests.problems import all_draws, family_and_model, give, node, objective
from vaerun.errors import UserError
from vaerun.estimator.baseline.base import Baseline
from vaerun.estimator.baseline.optimal_constant import OptimalConstant
from vaerun.experiment.make import make
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior
from vaerun.posterior.bernoulli import IndependentBernoulli

pytestmark = pytest.mark.usefixtures("exact")

# One bit that is 1 with probability ¾: four points with three ones are every draw in its proportion.
LOGIT = 1.0986122886681098


def optimal(decay: float = 0.9) -> OptimalConstant:
    return make(node("estimator/baseline/optimal_constant", decay=decay), {})


def step(baseline: Baseline, f0: float, f1: float, *, name: str = "elbo") -> Tensor:
    q = IndependentBernoulli(torch.full((4, 1), LOGIT))
    z = torch.tensor([1.0, 1.0, 1.0, 0.0]).reshape(1, 4, 1)
    r = torch.where(z[..., 0] == 1, f1, f0)
    return baseline(r, objective(name, 1), torch.zeros(4, 1), q, z)


def test_on_one_bit_it_weighs_each_reward_with_the_probability_of_the_other() -> None:
    """Σ p s² c / Σ p s² = (1 − p) f1 + p f0, with s = z − p."""
    baseline = optimal()
    assert float(step(baseline, -7.0, 3.0)) == 0  # no earlier step
    for _ in range(3):
        assert float(step(baseline, -7.0, 3.0)) == pytest.approx(0.25 * 3.0 + 0.75 * -7.0, rel=1e-12)


def test_both_expectations_are_averaged_before_they_are_divided() -> None:
    baseline = optimal(0.5)
    for f0, f1 in ((-7.0, 3.0), (1.0, 1.0)):
        step(baseline, f0, f1)
    first, second = 0.25 * 3 + 0.75 * -7, 1.0
    assert float(step(baseline, 50.0, 90.0)) == pytest.approx((0.5 * first + second) / 1.5, rel=1e-12)


class Fixed(Baseline):
    """b = a given constant."""

    def __init__(self, b: float) -> None:
        super().__init__()
        self.b = b

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        return r.new_tensor(self.b)


@pytest.mark.parametrize("posterior", ["bernoulli"])
@pytest.mark.parametrize("k", [1, 3])
def test_no_other_constant_has_less_variance(posterior: str, k: int) -> None:
    """E ‖gradient‖² over every draw is a parabola in b; its lowest point is where the baseline settles."""
    family, model = family_and_model(posterior, latent_dim=2)
    phi, x, J = torch.tensor([[0.7, -1.1]]), torch.tensor([[1.0, 0.0, 1.0]]), objective("elbo", k)
    draws = all_draws(family(phi), k)
    rows = len(draws.probability)

    def second_moment(baseline: Baseline) -> float:
        leaf = phi.expand(rows, -1).clone().requires_grad_()
        estimator = make(node("estimator/score", {"baseline": "none"}), {}).eval()
        estimator.baseline = baseline
        estimate = estimator(give(family(leaf), draws.method, draws.values), model, J, x.expand(rows, -1))
        (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), leaf)
        return float((draws.probability * gradient.square().sum(1)).sum())

    at = [second_moment(Fixed(b)) for b in (-1.0, 0.0, 1.0)]
    best = 0.5 * (at[0] - at[2]) / (at[0] - 2 * at[1] + at[2])
    baseline = optimal(0.0)  # the step before, alone
    z = draws.values
    r = (model.log_joint(x, z) - family(phi).log_prob(z)).detach()
    copies = (draws.probability * 1e5).round().long()  # every draw in its proportion, to 5 digits
    every = torch.arange(rows).repeat_interleave(copies)
    q = family(phi.expand(len(every), -1))
    for _ in range(2):
        b = baseline(r[:, every], J, x.expand(len(every), -1), q, z[:, every])
    assert float(b) == pytest.approx(best, abs=1e-3)
    assert second_moment(Fixed(float(b))) <= min(second_moment(Fixed(best + d)) for d in (-0.05, 0.05))


def test_evaluation_leaves_it_as_it_was_and_a_checkpoint_holds_it() -> None:
    baseline, fresh = optimal(), optimal()
    step(baseline, -7.0, 3.0)
    fresh.load_state_dict(baseline.state_dict())
    step(baseline.eval(), 5.0, 9.0)
    assert torch.equal(step(baseline, 0.0, 0.0), step(fresh, 0.0, 0.0))
    assert float(baseline.weighted.weight) > 0


def test_a_decay_outside_0_1_is_refused() -> None:
    with pytest.raises(UserError, match=r"estimator\.baseline\.decay must be at least 0 and below 1, got 1"):
        optimal(1.0)
