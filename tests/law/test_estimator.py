"""∇ E_q[J(r)]: every estimator under every baseline, objective and posterior it is legal with.

Exactly, by every draw that can be made, where an estimator draws what can be listed; else by ``vaerun verify``.
"""

import copy
import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from tests import problems
from tests.problems import (
    CONF,
    all_draws,
    count_decoded,
    family_and_model,
    give,
    listing_error,
    node,
    objective,
    options,
    parameters,
    space_of,
    truth,
    variants,
)
from vaerun.config.catalogue import Catalogue
from vaerun.estimator.base import Estimator
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.objective.base import Objective
from vaerun.posterior.base import ClosedFormKL, Enumerable, Family, LayeredRelaxable, Stratified
from vaerun.verify import estimator as verify
from vaerun.verify.covering import covering
from vaerun.verify.offer import Offer
from vaerun.verify.replicas import BATCHES, ROWS

pytestmark = pytest.mark.usefixtures("exact")

DIMENSIONS = {"binary": 2, "categorical": 4, "real": 1}  # D: four values of z to list, one axis to integrate over
SAMPLES = {"binary": (1, 2, 3), "categorical": (1, 2), "real": (1, 2)}  # K
BETAS = (1.0, 0.3)

# Asked for every row of a product, and each time read from a file.
class_of, prior_over = functools.cache(problems.class_of), functools.cache(problems.prior_over)


class Case(NamedTuple):
    estimator: str
    nested: dict[str, str]
    objective: str
    posterior: str
    beta: float

    @property
    def method(self) -> str:
        return "-".join((self.estimator, *self.nested.values()))

    def __str__(self) -> str:
        return "-".join((self.estimator, *self.nested.values(), self.objective, self.posterior, f"{self.beta:g}"))


def legal(case: Case) -> bool:
    """Whether the classes say that the choices fit, from what they declare."""
    estimator, q = class_of(f"estimator/{case.estimator}"), class_of(f"posterior/{case.posterior}")
    prior = class_of(f"model/prior/{prior_over(q.support)}")
    needs = [need for part in (estimator, *inside(case)) for need in getattr(part, "needs", ())]
    return (
        all(issubclass(q.posterior, need) for need in needs)
        and issubclass(class_of(f"objective/{case.objective}"), estimator.serves)
        and (ClosedFormKL not in needs or issubclass(prior, q.posterior.closed_form_with))
    )


def inside(case: Case) -> list[type]:
    """The classes chosen inside the estimator."""
    return [class_of(f"estimator/{group}/{option}") for group, option in case.nested.items()]


def unbiased(case: Case) -> bool:
    """What the classes claim of the gradient."""
    return all(getattr(part, "unbiased", True) for part in (class_of(f"estimator/{case.estimator}"), *inside(case)))


def cases() -> Iterator[Case]:
    """Every estimator with every posterior, with every objective, and every objective with every posterior."""
    rows = [
        ((estimator, tuple(nested.items())), J, posterior, beta)
        for estimator, nested in variants("estimator")
        for J in options("objective")
        for posterior in options("posterior")
        for beta in BETAS
        if legal(Case(estimator, nested, J, posterior, beta))
    ]
    for (estimator, nested), J, posterior, beta in covering(rows, 2):
        yield Case(estimator, dict(nested), J, posterior, beta)


def min_samples(case: Case) -> int:
    """The least K that the estimator and what is chosen inside it are defined for."""
    return max(getattr(part, "min_samples", 1) for part in (class_of(f"estimator/{case.estimator}"), *inside(case)))


def listable(case: Case) -> bool:
    """Whether it draws what can be listed: z, or a reparameterized q's noise, but no noise of bits or of strata."""
    needs = class_of(f"estimator/{case.estimator}").needs
    return unbiased(case) and not any(issubclass(need, (LayeredRelaxable, Stratified)) for need in needs)


CASES = list(cases())
LISTABLE = [case for case in CASES if listable(case)]
SAMPLING = [case for case in LISTABLE if Enumerable not in class_of(f"estimator/{case.estimator}").needs]
METHODS = list({case.method: case for case in CASES if not listable(case)}.values())


def build(case: Case) -> tuple[Estimator, Family, Model, Tensor, Tensor]:
    """The parts, two data points and their φ: the second point shares the first one's batch, and must not matter."""
    support = class_of(f"posterior/{case.posterior}").support
    family, model = family_and_model(case.posterior, latent_dim=DIMENSIONS[support])
    facts = {"latent_dim": family.latent_dim, "data_dim": 3, "data_mean": torch.linspace(0.3, 0.6, 3), "data_std": 1.0}
    estimator = make(node(f"estimator/{case.estimator}", case.nested), facts)
    x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    phi = 1.2 * torch.rand(2, family.num_parameters) - 0.6
    return estimator, family, model, x, phi


def warm_up(estimator: Estimator, family: Family, model: Model, J: Objective, x: Tensor, phi: Tensor) -> None:
    """Some steps, so that a baseline with a memory has one."""
    for _ in range(5):
        estimator(family(phi), model, J, x)


class Expected(NamedTuple):
    gradients: list[Tensor]  # of the surrogate, in φ and θ
    value: Tensor
    log_likelihood: Tensor
    kl: Tensor


def expected(
    estimator: Estimator, family: Family, model: Model, J: Objective, x: Tensor, phi: Tensor, *, together: int
) -> Expected:
    """The first point's estimate averaged over every draw it can make, ``together`` draws in a batch.

    The estimator has the same memory before each batch. One draw in a batch of its own is what a step of training sees;
    the second point's draw is always the same, so an estimator that mixed up points would be seen.
    """
    draws = all_draws(family(phi[:1]), J.num_samples)
    memory = copy.deepcopy(estimator.state_dict())
    sums: list[Any] = [0.0] * (4 + len(parameters(model)))
    for chunk in torch.arange(len(draws.probability)).split(together):
        estimator.load_state_dict(memory)
        leaf = phi.clone().requires_grad_()
        rows = torch.cat((torch.zeros_like(chunk), torch.ones(1, dtype=torch.long)))
        values = torch.cat((draws.values[:, chunk], draws.values[:, :1]), dim=1)
        estimate = estimator(give(family(leaf[rows]), draws.method, values), model, J, x[rows])
        p = draws.probability[chunk]
        surrogate = (p * estimate.surrogate[:-1]).sum()
        gradients = torch.autograd.grad(surrogate, [leaf, *parameters(model)], allow_unused=True)
        terms = [(p * t[:-1]).sum() for t in (estimate.value, estimate.log_likelihood, estimate.kl)]
        new = [*terms, *(0.0 if g is None else g for g in gradients)]
        sums = [a + b for a, b in zip(sums, new, strict=True)]
    value, log_likelihood, kl, *gradients = sums
    return Expected(gradients, value, log_likelihood, kl)


def test_there_are_cases() -> None:
    names = {str(case) for case in CASES}
    assert {case.estimator for case in CASES} == set(options("estimator"))
    assert {case.posterior for case in LISTABLE} == set(options("posterior"))
    assert {case.objective for case in LISTABLE} == set(options("objective"))
    assert not any(name.startswith(("reparam-elbo-bernoulli", "analytic_kl-iwae")) for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("case", LISTABLE, ids=str)
def test_the_surrogates_gradient_and_the_figures_are_exact_in_expectation(case: Case) -> None:
    estimator, family, model, x, phi = build(case)
    for k in SAMPLES[family.support]:
        if k < min_samples(case):
            continue
        J = objective(case.objective, k, case.beta)
        warm_up(estimator, family, model, J, x, phi)
        together = 10**6 if family.support == "real" else 1
        found = expected(estimator, family, model, J, x, phi, together=together)
        leaf = phi.clone().requires_grad_()
        q = family(leaf[:1])
        answer = truth(q, model, J, x[:1], space_of(q, family.support), beta=case.beta)
        wanted = torch.autograd.grad(answer.bound, [leaf, *parameters(model)])
        assert wanted[0][0].abs().max() > 1e-3
        within = listing_error(q, k)
        for a, b in zip(found.gradients, wanted, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=within)
        for a, b in zip((found.value, found.log_likelihood, found.kl), answer, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=within)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_figures_carry_no_gradient_and_decodes_is_what_was_decoded(case: Case, monkeypatch: Any) -> None:
    estimator, family, model, x, phi = build(case)
    for k in (2, 3):
        decoded = count_decoded(model, monkeypatch)
        estimate = estimator(family(phi.requires_grad_()), model, objective(case.objective, k), x)
        assert sum(decoded) == len(x) * estimator.decodes(k, family)
        assert estimate.surrogate.requires_grad
        for figure in (estimate.value, estimate.log_likelihood, estimate.kl):
            assert figure.shape == (2,)
            assert not figure.requires_grad
        assert estimate.auxiliary.shape == ()


@pytest.mark.slow
@pytest.mark.parametrize("case", SAMPLING, ids=str)
def test_value_is_the_objective_of_the_samples_drawn(case: Case) -> None:
    estimator, family, model, x, phi = build(case)
    for k in (2, 3):
        J = objective(case.objective, k, 0.3)
        draws = all_draws(family(phi[:1]), 1)
        different = (torch.arange(k) + len(draws.probability) // 2) % len(draws.probability)
        some = draws.values[0, different].unsqueeze(1).expand(-1, 2, -1)
        estimate = estimator(give(family(phi), draws.method, some), model, J, x)
        if ClosedFormKL in type(estimator).needs:
            expected_value = estimate.log_likelihood - 0.3 * estimate.kl
        else:
            q = give(family(phi), draws.method, some)
            z = q.sample(k)
            weights = model.log_prior(z) - q.log_prob(z)
            expected_value = J(model.log_likelihood(x, z) + 0.3 * weights)
            torch.testing.assert_close(estimate.kl, -weights.mean(0))
        torch.testing.assert_close(estimate.value, expected_value)
        torch.testing.assert_close(
            estimate.log_likelihood, model.log_likelihood(x, give(family(phi), draws.method, some).sample(k)).mean(0)
        )


@pytest.mark.slow
@pytest.mark.parametrize("case", METHODS, ids=lambda case: case.method)
def test_what_draws_otherwise_is_certified_by_verify(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a quarter of the replicas that ``vaerun verify`` itself draws."""
    monkeypatch.setitem(ROWS, "cpu", ROWS["cpu"] // 4)
    chosen = {"estimator": case.estimator, **{f"estimator/{group}": name for group, name in case.nested.items()}}
    offer = Offer(Catalogue([CONF]), {**chosen, "objective": case.objective})
    claims = list(verify.claims(offer, seed=0, device=torch.device("cpu"), batches=BATCHES))
    assert [claim for claim in claims if claim.holds is False] == []
    assert any("biased" in claim.claimed for claim in claims)
