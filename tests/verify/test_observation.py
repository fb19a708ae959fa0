"""Claims about likelihoods and priors: the right ones hold, and a planted error is found by the claim that names it."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.problems import CONF
from vaerun.config.catalogue import Catalogue
from vaerun.config.folders import roots
from vaerun.config.trust import trusting
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood
from vaerun.model.likelihood.column_types import NormalColumns
from vaerun.model.likelihood.gaussian import GaussianLikelihood
from vaerun.model.prior.standard_normal import StandardNormal
from vaerun.verify import observation
from vaerun.verify.claim import Claim
from vaerun.verify.offer import Offer

CLAIMED = "missing x_j is summed over"

pytestmark = pytest.mark.usefixtures("exact")


def every(group: str, name: str) -> list[Claim]:
    offer = Offer(Catalogue(roots()), {group: name})
    return list(observation.claims(offer, seed=0, device=torch.device("cpu")))


def claims(name: str) -> list[Claim]:
    return [claim for claim in every("model/likelihood", name) if claim.claimed == CLAIMED]


def failing(group: str, name: str) -> set[str]:
    torch.manual_seed(0)
    return {claim.claimed for claim in every(group, name) if not claim.holds}


@pytest.mark.parametrize("name", ["bernoulli", "gaussian", "continuous_bernoulli", "categorical"])
def test_a_masked_likelihood_is_the_marginal(name: str) -> None:
    (claim,) = claims(name)
    assert claim.holds


def test_a_mask_that_is_turned_round_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def turned(self: Likelihood, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        return torch.where(observed, 0.0, self.terms(x, outputs)).sum(-1)

    monkeypatch.setattr(BernoulliLikelihood, "masked_log_prob", turned)
    (claim,) = claims("bernoulli")
    assert not claim.holds


def test_a_gaussian_is_without_fault() -> None:
    assert failing("model/likelihood", "gaussian") == failing("model/prior", "standard_normal") == set()


@pytest.mark.parametrize(
    ("method", "factor", "claimed"),
    [
        ("sample", 1.1, "samples follow it"),
        ("mean", 0.9, "mean is E[x]"),
        ("variance", 1.1, "variance is Var[x]"),
        ("output_gradient", -1.0, "output_gradient is its derivative"),
        ("log_prob", 1.01, "log_prob is the sum of its terms"),
    ],
)
def test_a_likelihood_with_one_wrong_method_is_found(
    method: str, factor: float, claimed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = getattr(GaussianLikelihood, method)
    monkeypatch.setattr(GaussianLikelihood, method, lambda self, *given: factor * right(self, *given))
    assert claimed in failing("model/likelihood", "gaussian")


def test_wrong_samples_of_one_type_of_column_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = NormalColumns.sample
    monkeypatch.setattr(NormalColumns, "sample", lambda self, units, outputs: right(self, units, outputs + 0.1))
    assert failing("model/likelihood", "mixed") == {"samples follow it"}


def test_a_prior_whose_samples_are_wider_than_its_density_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = StandardNormal.sample
    monkeypatch.setattr(StandardNormal, "sample", lambda self, n: 1.1 * right(self, n))
    assert failing("model/prior", "standard_normal") == {
        "samples have its scale and correlations",
        "samples have its shape",
    }


class Student(Likelihood):
    """Student's t: its tails are powers of x, and at ν ≤ 2 it has no variance."""

    data_support = "real"
    normalized = True

    def __init__(self, *, data_dim: int, data_std: float, freedom: float = 3.0) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std)
        self.freedom = freedom

    @property
    def num_outputs(self) -> int:
        return self.data_dim

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        return data_mean

    def at(self, outputs: Tensor) -> torch.distributions.StudentT:
        return torch.distributions.StudentT(self.freedom, outputs, 0.7)

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        return self.at(outputs).log_prob(x)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs

    def variance(self, outputs: Tensor) -> Tensor:
        return self.at(outputs).variance

    def sample(self, outputs: Tensor) -> Tensor:
        return self.at(outputs).sample()


class Wide(StandardNormal):
    """p(z) = Π_d Cauchy(z_d; 0, 1)."""

    def log_prob(self, z: Tensor) -> Tensor:
        return torch.distributions.Cauchy(0.0, 1.0).log_prob(z).sum(-1)

    def sample(self, n: int) -> Tensor:
        return torch.distributions.Cauchy(0.0, 1.0).sample((n, self.latent_dim))


@pytest.mark.parametrize(
    ("group", "name", "text"),
    [
        *(("model/likelihood", f"student_{nu}", f"Student\nfreedom: {nu}") for nu in (1.0, 2.0, 3.0, 5.0)),
        ("model/prior", "wide", "Wide"),
    ],
)
def test_a_right_part_with_heavy_tails_is_without_fault(group: str, name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / group).mkdir(parents=True)
    (tmp_path / group / f"{name}.yaml").write_text(f"_target_: {__name__}.{text}\n")
    with trusting(["tests"]):
        offer = Offer(Catalogue([CONF, tmp_path]), {group: name})
        found = list(observation.claims(offer, seed=0, device=torch.device("cpu")))
    assert found
    assert [claim.claimed for claim in found if claim.holds is False] == []


@pytest.mark.parametrize(
    ("middle", "scale", "factor", "holds"),
    [
        (0.0, 1.0, 1.0, True),  # the kink is a point of the grid
        (0.0, 0.6, 1.0, True),
        (0.0, 1.0, 1.0001, False),
        (0.37, 1.0, 1.0, True),
        (0.37, 1.0, 1.0001, False),
        (-2.0, 0.6, 1.0, True),
        (-2.0, 0.6, 0.9999, False),
        (0.37, 1.0, 2.0, False),
    ],
)
def test_a_prior_with_a_kink_sums_to_one_if_it_is_a_density(
    middle: float, scale: float, factor: float, holds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = Offer(Catalogue(roots()), {"model/prior": "standard_normal"})
    problem = observation.posed(offer, {"model/prior": "standard_normal"}, seed=0, device=torch.device("cpu"))
    assert problem is not None

    def laplace(z: Tensor, given: Tensor) -> Tensor:
        dim = z.shape[-1]
        return math.log(factor) - dim * math.log(2 * scale) - ((z - middle).abs() / scale).sum(-1)

    def drawn(n: int, given: Tensor | None) -> Tensor:
        return torch.distributions.Laplace(middle, scale).sample((n, problem.family.latent_dim))

    monkeypatch.setattr(problem.model, "log_prior", laplace)
    monkeypatch.setattr(problem.model, "sample_prior", drawn)
    total, *samples = observation.prior(problem, "laplace")
    assert total.holds is holds
    assert factor != 1 or all(claim.holds for claim in samples)
