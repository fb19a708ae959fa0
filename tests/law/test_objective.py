"""J: every objective bounds log p(x), is no worse at a larger K, and tells estimators the truth about itself."""

import itertools

import pytest
import torch

from tests.problems import family_and_model, log_evidence, objective, options, space_of, truth

pytestmark = pytest.mark.usefixtures("exact")

OBJECTIVES = options("objective")
X = torch.tensor([[1.0, 0.0, 1.0]])


def test_there_are_objectives() -> None:
    assert {"elbo", "iwae"} <= set(OBJECTIVES)


@pytest.mark.slow
@pytest.mark.parametrize("posterior", options("posterior"))
@pytest.mark.parametrize("name", OBJECTIVES)
def test_its_expectation_rises_with_k_and_never_passes_log_p(name: str, posterior: str) -> None:
    """A grid is a finite set on which q, normalised, is a posterior like any other: there, too, the law is exact."""
    family, model = family_and_model(posterior, latent_dim=1)
    q = family(torch.full((1, family.num_parameters), -1.2))  # far from the posterior
    over = space_of(q, family.support, width=12.0, cell=0.25)
    with torch.no_grad():
        mass = (q.log_prob(over.z).exp() * over.volume).sum()
        bounds = [float(truth(q, model, objective(name, k), X, over).bound / mass**k + mass.log()) for k in (1, 2, 3)]
        log_p = float(log_evidence(model, X, over))
    assert float(mass) == pytest.approx(1, abs=0.05)
    assert bounds[0] < log_p
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(bounds))
    assert bounds[-1] <= log_p


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_equal_rewards_are_returned_and_a_common_shift_passes_through(name: str, k: int) -> None:
    J, r = objective(name, k), 3 * torch.randn(k, 4)
    torch.testing.assert_close(J(r[:1].expand(k, -1)), r[0])
    torch.testing.assert_close(J(r - 900.0), J(r) - 900.0)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_what_it_says_about_its_derivatives_is_what_autograd_finds(name: str, k: int) -> None:
    J, r = objective(name, k), (3 * torch.randn(k, 4)).requires_grad_()
    (derivative,) = torch.autograd.grad(J(r).sum(), r)
    a = J.score_weight(r)
    if not torch.equal(a, torch.zeros_like(r)):
        torch.testing.assert_close(a, derivative)
    else:  # only where the derivative is the same whatever the rewards are has its term mean zero
        (elsewhere,) = torch.autograd.grad(J(r * 2 - 1).sum(), r)
        torch.testing.assert_close(elsewhere / 2, derivative)
    # The credit of sample k holds all of J that depends on r_k: what it leaves out has no part in that score function.
    for sample in range(k):
        (own,) = torch.autograd.grad(J.credit(r)[sample].sum(), r)
        torch.testing.assert_close(own[sample], derivative[sample])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_kl_weight_multiplies_prior_and_posterior_alike(name: str) -> None:
    from vaerun.notation import Terms

    terms = Terms(*torch.randn(3, 2, 4))
    r = objective(name, 2, 0.3).reward(terms)
    torch.testing.assert_close(r, terms.log_likelihood + 0.3 * terms.log_prior - 0.3 * terms.log_q)
