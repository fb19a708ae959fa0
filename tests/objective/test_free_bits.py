"""E_q[log p(x given z)] − max(nats, KL), with a gate that earlier steps move."""

import pytest
import torch
from torch import Tensor

from tests.problems import family_and_model, node, objective, parameters, space, truth
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.notation import Terms
from vaerun.objective.free_bits import FreeBits

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]], dtype=torch.float64)


def free_bits(nats: float, decay: float = 0.5, beta: float = 1.0) -> FreeBits:
    kl_weight = node("objective/kl_weight/constant", constant=beta)
    return make(node("objective/free_bits", nats=nats, decay=decay, kl_weight=kl_weight), {})


def updated(J: FreeBits, *kls: float) -> FreeBits:
    for kl in kls:
        J.record_kl(torch.tensor([kl - 0.5, kl + 0.5]))
    return J


def test_the_gate_compares_the_average_of_earlier_steps_with_the_free_nats() -> None:
    J = free_bits(2.0)
    assert float(J.beta()) == 1.0  # nothing is known yet
    assert float(updated(J, 1.9).beta()) == 0.0
    assert float(updated(J, 2.05).beta()) == 0.0  # (½ · 1.9 + 2.05) / 1.5 = 2
    assert float(updated(J, 2.3).beta()) == 1.0
    assert float(updated(J, 0.0).beta()) == 0.0


def test_the_kl_weight_counts_where_the_gate_is_open() -> None:
    terms = Terms(*torch.randn(3, 2, 4))
    open_, shut = updated(free_bits(2.0, beta=0.3), 3.0), updated(free_bits(2.0, beta=0.3), 1.0)
    torch.testing.assert_close(open_.reward(terms), terms.log_likelihood + 0.3 * (terms.log_prior - terms.log_q))
    torch.testing.assert_close(shut.reward(terms), terms.log_likelihood)


def test_evaluation_neither_moves_nor_heeds_the_gate() -> None:
    J, terms = updated(free_bits(2.0), 1.0).eval(), Terms(*torch.randn(3, 2, 4))
    before = {name: value.clone() for name, value in J.state_dict().items()}
    updated(J, 50.0)
    assert all(torch.equal(before[name], value) for name, value in J.state_dict().items())
    torch.testing.assert_close(J.reward(terms), terms.log_likelihood + terms.log_prior - terms.log_q)
    assert float(J.train().beta()) == 0.0


def test_a_checkpoint_holds_the_gate() -> None:
    fresh = free_bits(2.0)
    fresh.load_state_dict(updated(free_bits(2.0), 1.0).state_dict())
    assert float(fresh.beta()) == 0.0


@pytest.mark.parametrize("estimator", ["analytic_kl", "reparam"])
def test_the_bound_tells_it_every_kl_and_the_next_step_acts_on_it(estimator: str) -> None:
    """With the KL in closed form the gate's course is known; a shut gate leaves the gradient of the likelihood."""
    family, model = family_and_model("gaussian", latent_dim=1)
    J = free_bits(1.0)
    bound = Bound(model=model, family=family, objective=J, estimator=make(node(f"estimator/{estimator}"), {}))
    phi = torch.tensor([[0.3, -0.1], [-0.2, 0.2]])  # a KL far below 1
    bound(X, phi)
    assert float(J.beta()) == 0.0
    phi.requires_grad_()
    estimate = bound(X, phi)
    torch.testing.assert_close(estimate.value, estimate.log_likelihood)
    assert bool((estimate.value == estimate.surrogate).all())
    assert float(J.eval().beta()) == 1.0


@pytest.mark.parametrize(("kl", "beta"), [(3.0, 1.0), (1.0, 0.0)])
def test_given_the_gate_the_gradient_is_that_of_the_elbo_or_of_the_likelihood(kl: float, beta: float) -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    J = updated(free_bits(2.0), kl)
    phi = torch.tensor([[0.4, -0.3]], requires_grad=True)
    found = make(node("estimator/enumerate"), {})(family(phi), model, J, X[:1]).surrogate.sum()
    wanted = truth(family(phi), model, objective("elbo", 1), X[:1], space("binary", 2), beta=beta)
    gradients: list[list[Tensor]] = [
        list(torch.autograd.grad(value, [phi, *parameters(model)], allow_unused=True, materialize_grads=True))
        for value in (found, wanted.bound)
    ]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)
    assert gradients[0][0].abs().max() > 1e-3


@pytest.mark.parametrize(("nats", "decay", "key"), [(-1.0, 0.5, "nats"), (1.0, 1.0, "decay")])
def test_what_cannot_be_is_refused(nats: float, decay: float, key: str) -> None:
    with pytest.raises(UserError, match=rf"objective\.{key}"):
        free_bits(nats, decay)
