"""Every option of conf/ takes and returns the shapes that the docstrings of its base classes state."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from jaxtyping import jaxtyped
from torch import Tensor

from tests.law import test_combinations as combinations
from tests.law import test_estimator as estimators
from tests.law import test_prior as priors
from tests.problems import family_and_model, node, objective, options, variants
from tests.shapes import check_call, check_fields, check_methods, fix_axes
from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.estimator.base import Estimator
from vaerun.experiment.build import build_strategy
from vaerun.experiment.make import make
from vaerun.local.optimizer.base import LocalOptimizer
from vaerun.model.base import ExactMarginal, Model
from vaerun.model.decoder.base import Decoder
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.count import CountLikelihood
from vaerun.model.likelihood.rate.base import Rate
from vaerun.model.prior.base import ConditionalPrior, PriorDensity
from vaerun.notation import Batch, Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import (
    ClosedFormKL,
    ClosedFormMean,
    ClosedFormStd,
    Enumerable,
    Family,
    KnownScore,
    Posterior,
    Relaxable,
    Reparameterized,
    Stratified,
)
from vaerun.strategy.base import Strategy
from vaerun.strategy.refiner.base import Refiner
from vaerun.verify.covering import covering

K, B, X, C, N = 3, 5, 7, 2, 11  # K samples, B points of X coordinates, n draws: sizes that no two axes share
CASES = {(case.method, case.objective, case.posterior): case for case in estimators.CASES}


@pytest.fixture(autouse=True)
def axes(seeded: None) -> Iterator[None]:
    """One size per axis letter within a test."""
    with jaxtyped("context"):
        fix_axes(K=K, B=B, X=X, n=N)
        yield


def bits(*shape: int) -> Tensor:
    return (torch.rand(shape) < 0.5).float()


@pytest.mark.parametrize("name", options("posterior"))
def test_posterior(name: str) -> None:
    family, model = family_and_model(name, latent_dim=2, data_dim=X)
    fix_axes(D=family.latent_dim, P=family.num_parameters)
    phi = torch.rand(B, family.num_parameters)
    calls = {"initial": (), "scale": (phi,), "inverse_fisher": (phi,), "forward": (phi,)}
    q = check_methods(Family, family, calls)["forward"]
    check_capabilities(q, q.sample(K), model.prior_of())


def check_capabilities(q: Posterior, z: Tensor, prior: PriorDensity) -> None:
    check_methods(Posterior, q, {"sample": (K,), "log_prob": (z,)})
    if isinstance(q, ClosedFormMean):
        check_methods(ClosedFormMean, q, {"mean": ()})
    if isinstance(q, ClosedFormStd):
        check_methods(ClosedFormStd, q, {"std": ()})
    if isinstance(q, KnownScore):
        check_methods(KnownScore, q, {"squared_score": (z,)})
    if isinstance(q, Reparameterized):
        check_methods(Reparameterized, q, {"transport": (q.noise(K),)})
    if isinstance(q, Relaxable):
        noise = q.noise(K)
        g = q.perturb(noise)
        calls = {"noise": (K,), "perturb": (noise,), "harden": (g,), "soften": (g, 0.5)}
        calls |= {"condition": (z, noise), "conditional_noise": (q.harden(g), g)}
        check_methods(Relaxable, q, calls)
    if isinstance(q, Enumerable):
        fix_axes(S=q.support_size)
        check_methods(Enumerable, q, {"support": ()})
    if isinstance(q, Stratified):
        fix_axes(M=len(q.strata()))
        check_methods(Stratified, q, {"weights": ()})
        for stratum in q.strata():
            check_capabilities(stratum, z, prior)
    if isinstance(q, ClosedFormKL) and isinstance(prior, q.closed_form_with):
        check_methods(ClosedFormKL, q, {"kl": (prior,)})


@pytest.mark.parametrize("name", options("model"))
def test_model(name: str) -> None:
    facts: dict[str, Any] = {"latent_dim": 2, "data_dim": X, "data_mean": torch.linspace(0.2, 0.7, X), "data_std": 0.6}
    facts |= {"given_names": tuple(f"y={c}" for c in range(C))}
    size: dict[str, Any] = {"latent_dim": 2} if "latent_dim" in node(f"model/{name}") else {"layers": [4, 2]}
    model: Model = make(node(f"model/{name}", **size), facts)
    fix_axes(D=model.latent_dim, C=C)
    x, z = bits(B, X + C), model.sample_prior(K * B, bits(K * B, C)).reshape(K, B, -1)
    c, calls = model.given(x), dict.fromkeys(("log_likelihood", "log_joint", "likelihood_gradient", "terms"), (x, z))
    calls |= dict.fromkeys(("log_prior", "beside", "mean"), (z, c)) | dict.fromkeys(("values", "given"), (x,))
    calls |= {"row": (model.values(x), c), "prior_of": (c,)}
    check_methods(Model, model, calls | dict.fromkeys(("sample", "sample_prior"), (N, bits(N, C))))
    assert model.observe(z, c).shape == model.mean(z, c).shape
    assert all(moment.shape == model.mean(z, c).shape for moment in model.moments(z, c))
    assert torch.equal(model.row(model.values(x), c), x)
    other = 1 - model.values(x)
    torch.manual_seed(0)
    expected = [model.terms(x, z), model.terms(model.row(other, c), z)]
    torch.manual_seed(0)
    torch.testing.assert_close(list(model.terms_of_each((model.values(x), other), z, c)), expected)
    if isinstance(model, ExactMarginal):
        check_methods(ExactMarginal, model, {"exact_log_prob": (x,)})


@pytest.mark.parametrize("name", options("model/prior"))
def test_prior(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priors, "X", X)
    prior = priors.drawn(name)
    fix_axes(D=priors.D, C=priors.C)
    check_methods(ConditionalPrior, prior, {"given": (priors.condition(B),)})
    check_methods(
        PriorDensity, priors.at(prior), {"sample": (N,), "log_prob": (priors.samples(prior, K * B).reshape(K, B, -1),)}
    )


@pytest.mark.parametrize(("name", "inner"), list(variants("model/likelihood")))
def test_likelihood(name: str, inner: dict[str, str]) -> None:
    facts = {"data_dim": X, "data_std": 0.6, "data_mean": torch.full((X,), 0.3)}
    likelihood: Likelihood = make(node(f"model/likelihood/{name}", inner), facts)
    fix_axes(O=likelihood.num_outputs)
    outputs = torch.randn(K, B, likelihood.num_outputs)
    both = (bits(B, X), outputs)
    calls = dict.fromkeys(("terms", "log_prob", "output_gradient"), both)
    calls |= {"mean": (outputs,), "initial_outputs": (torch.full((X,), 0.4),)}
    calls |= {"observed_log_prob": both, "masked_log_prob": (*both, torch.rand(B, X) < 0.5)}
    check_methods(Likelihood, likelihood, calls)
    assert likelihood.sample(outputs).shape == likelihood.mean(outputs).shape == likelihood.variance(outputs).shape
    if isinstance(likelihood, CountLikelihood):
        total = likelihood.rate.total(both[0])
        for declared in (CountLikelihood.terms_at, CountLikelihood.log_prob_at):
            check_call(declared, getattr(likelihood, declared.__name__), *both, total)


def test_rate() -> None:
    rate: Rate = make(node("model/likelihood/rate/total_share"), {"data_mean": torch.full((X,), 0.3)})
    rates, x, mean = torch.randn(K, B, X), bits(B, X), torch.full((X,), 0.4)
    check_methods(Rate, rate, {"total": (x,), "log_rate": (rates, rate.total(x)), "initial_outputs": (mean,)})
    free: Rate = make(node("model/likelihood/rate/free"), {})
    assert free.log_rate(rates, free.total(x)).shape == rates.shape
    assert free.initial_outputs(mean).shape == mean.shape


@pytest.mark.parametrize("name", options("model/decoder"))
def test_decoder(name: str) -> None:
    fix_axes(D=2, O=2 * X)
    make_decoder = make(node(f"model/decoder/{name}"), {"data_shape": (X, 1)})
    decoder = make_decoder(input_dim=2, output_dim=2 * X, output_bias=None)
    check_methods(Decoder, decoder, {"forward": (torch.randn(K, B, 2),)})


@pytest.mark.parametrize("name", options("amortizer"))
def test_amortizer(name: str) -> None:
    facts = {"data_shape": (X, 1), "data_dim": X, "data_mean": torch.full((X,), 0.3), "data_std": 1.0}
    facts |= {"num_parameters": 4, "initial": torch.zeros(4)}
    fix_axes(P=4)
    check_methods(Amortizer, make(node(f"amortizer/{name}"), facts), {"forward": (bits(B, X),)})


@pytest.mark.parametrize("name", options("strategy/refiner"))
def test_refiner(name: str) -> None:
    fix_axes(P=4)
    refiner = make(node(f"strategy/refiner/{name}"), {"num_parameters": 4, "initial": torch.zeros(4)})
    check_methods(Refiner, refiner, {"forward": (torch.randn(B, 4), torch.randn(B, 4))})


@pytest.mark.parametrize("name", options("objective"))
def test_objective(name: str) -> None:
    r = torch.randn(K, B)
    of_rewards = dict.fromkeys(("forward", "credit", "score_weight", "path_weight"), (r,))
    others = {"reward": (Terms(r, r, r),), "credit_with": (r, r + 1), "record_kl": (r.mean(0),)}
    check_methods(Objective, objective(name, K, beta=0.5), of_rewards | others)


@pytest.mark.parametrize("row", covering(CASES, 1), ids="-".join)
def test_estimator_and_bound(row: tuple[str, str, str]) -> None:
    chosen = CASES[row]
    family, model = family_and_model(chosen.posterior, latent_dim=2, data_dim=X)
    facts = {"latent_dim": family.latent_dim, "data_dim": X, "data_mean": torch.full((X,), 0.4), "data_std": 1.0}
    estimator = make(node(f"estimator/{chosen.estimator}", chosen.nested), facts)
    fix_axes(D=family.latent_dim, P=family.num_parameters)
    x, phi = bits(B, X), torch.rand(B, family.num_parameters)
    at_k = objective(chosen.objective, K)
    check_methods(Estimator, estimator, dict.fromkeys(("forward", "phi_surrogate"), (family(phi), model, at_k, x)))
    bound = Bound(model=model, family=family, objective=at_k, estimator=estimator)
    calls = dict.fromkeys(("forward", "phi_surrogate"), (x, phi)) | dict.fromkeys(("terms", "rewards"), (x, phi, K))
    check_methods(Bound, bound, calls)


@pytest.mark.parametrize("name", options("strategy"))
def test_strategy(name: str) -> None:
    row = next(row for row in combinations.rows()[0] if dict(row[3])["strategy"] == name and row[2] == "full_gaussian")
    made = build_strategy(combinations.configuration(row), combinations.data(), torch.device("cpu"))
    index = torch.arange(B)
    x = combinations.data().train.x[index].float()
    with jaxtyped("context"):  # X is that of the data here
        fix_axes(B=B, X=x.shape[1], P=made.bound.family.num_parameters)
        check_fields(Batch(index, x))
        check_fields(made.step(Batch(index, x)))
        check_methods(Strategy, made, {"infer": (x, index, "train"), "current": (x, index), "gradient_norms": ()})
        check_fields(made.infer_and_store(x, index, "train"))


@pytest.mark.parametrize("name", options("local/optimizer"))
def test_local_optimizer(name: str) -> None:
    optimizer: LocalOptimizer = make(node(f"local/optimizer/{name}"), {})
    fix_axes(R=6, P=4)
    state = optimizer.init(torch.zeros(6, 4))
    for _ in range(3):  # a memory of gradients comes to its full length
        state = check_call(LocalOptimizer.update, optimizer.update, torch.randn(6, 4), state, torch.ones(6, 4))[1]
    calls = {
        "init": (torch.zeros(6, 4),),
        "update": (torch.randn(6, 4), state, torch.ones(6, 4)),
        "shortened": (state, torch.rand(6, 1)),
    }
    for state in check_methods(LocalOptimizer, optimizer, calls).values():
        check_fields(state)


class Transposed(Objective):
    """Returns what no objective may."""

    is_elbo = False

    def forward(self, r: Tensor) -> Tensor:
        return r.mean(1)

    credit = score_weight = path_weight = lambda self, r: r.T


def test_a_wrong_shape_is_noticed() -> None:
    J, r = Transposed(num_samples=K, kl_weight=objective("elbo", K).kl_weight), torch.randn(K, B)
    for name in ("forward", "credit", "score_weight", "path_weight"):
        with pytest.raises(AssertionError, match=rf'{name}: result must be Float\[Tensor, "(K )?B"\], got'):
            check_call(getattr(Objective, name), getattr(J, name), r)
    with pytest.raises(AssertionError, match=r'forward: argument must be Float\[Tensor, "K B"\]'):
        check_call(Objective.forward, J.forward, r.T)
    with pytest.raises(AssertionError, match=r"Terms.log_prior must be"):
        check_fields(Terms(r, r.T, r))
    with pytest.raises(AssertionError, match=r"got torch.int64"):
        check_call(Objective.credit, lambda r: r.long(), r)
