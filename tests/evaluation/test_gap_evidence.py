"""log p(x), exact or from below."""

import pytest
import torch

from tests.evaluation.given import bound_of, gaussian_problem
from tests.problems import bernoulli_space, family_and_model, log_evidence, space
from vaerun.evaluation.gap_evidence import annealed, exact
from vaerun.execution import memory as chunk

pytestmark = pytest.mark.usefixtures("exact")


def test_the_linear_gaussian_model_knows_it() -> None:
    bound, x, _ = gaussian_problem(orthogonal=False)
    found = exact(bound, x)
    assert found is not None
    assert torch.equal(found, bound.model.exact_log_prob(x))


@pytest.mark.parametrize("numbers", [2**19, 30])
@pytest.mark.parametrize("posterior", ["bernoulli", "categorical", "autoregressive_bernoulli"])
def test_few_values_of_z_are_summed(posterior: str, numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "NUMBERS", {"cpu": numbers})
    family, model = family_and_model(posterior, latent_dim=3)
    x = bernoulli_space(3)
    with torch.no_grad():
        found = exact(bound_of(model, family), x)
        assert found is not None
        assert torch.allclose(found, log_evidence(model, x, space(family.support, family.latent_dim)))


def test_elsewhere_it_is_not_known() -> None:
    for posterior, dim in (("gaussian", 1), ("bernoulli", 13)):
        family, model = family_and_model(posterior, latent_dim=dim)
        assert exact(bound_of(model, family), bernoulli_space(3)) is None


@pytest.mark.parametrize("numbers", [2**19, 100])
def test_annealing_comes_near_from_below(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "NUMBERS", {"cpu": numbers})
    bound, x, _ = gaussian_problem(orthogonal=False)
    with torch.no_grad():
        log_p = bound.model.exact_log_prob(x)
        found = annealed(bound, x, chains=16, temperatures=40)
    assert found.shape == (9,)
    assert float((found - log_p).mean()) == pytest.approx(0, abs=0.1)
