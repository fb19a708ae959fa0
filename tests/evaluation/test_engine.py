"""An evaluation by the compiled engine gives the numbers of the plain one, and ascents need no value of the bound."""

import copy
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import family_and_model, node, objective
from vaerun.bound import bound as module
from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.bound.value_and_grad import PhiGradient
from vaerun.errors import UserError
from vaerun.estimator.reparam import Reparam
from vaerun.evaluation.ais import ascended, transition_of
from vaerun.evaluation.annealing import sigmoidal
from vaerun.evaluation.ascent import ascend, elbo, left_to_gain
from vaerun.evaluation.gap_rewards import draw
from vaerun.evaluation.marginal import weigh
from vaerun.execution.engine.base import Engine, Program
from vaerun.execution.engine.compiled import Compiled
from vaerun.execution.engine.eager import Eager
from vaerun.execution.engine.fallback import Fallback
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood
from vaerun.model.vae import VAE
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.posterior.base import Posterior

pytestmark = [pytest.mark.usefixtures("exact"), pytest.mark.filterwarnings("ignore")]

# The K are the same, so that Inductor compiles one program for several of them; of a move, which is a long program, two
# steps are the fewest that follow one another.
EVALUATIONS: Mapping[str, Callable[[Bound, Tensor, Tensor], Any]] = {
    "samples": lambda bound, x, phi: weigh(bound, x, phi, 40, points=10**6).log_mean(),
    "elbo": lambda bound, x, phi: elbo(bound, x, phi, 40, seed=3),
    "gap": lambda bound, x, phi: draw([bound, bound], x, [phi, 0.5 * phi], 40),
    "annealing": lambda bound, x, phi: ascended(transition_of(bound, 2, module.MANY), x, 4, sigmoidal(6, 4.0)),
    "left": lambda bound, x, phi: left_to_gain(lowest_variance_elbo(bound), x, phi, times=10**6),
    "ascent": lambda bound, x, phi: ascend(lowest_variance_elbo(bound, num_samples=4), x, phi, 20)[:5],
}


class Counting(Engine):
    """Executes programs operation by operation, and remembers them."""

    def __init__(self) -> None:
        self.calls: list[Program] = []

    def __call__(self, program: Program, *inputs: Tensor) -> Any:
        self.calls.append(program)
        return program(*inputs)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling takes a C++ compiler")
@pytest.mark.parametrize("name", EVALUATIONS)
@pytest.mark.parametrize("posterior", ["gaussian", "bernoulli"])
def test_compiled_and_plain_evaluations_are_the_same(
    name: str, posterior: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float64, so that rounding decides no acceptance of a move: the same samples, the same numbers."""
    monkeypatch.setattr(module, "MANY", 1)
    compiled = Compiled()
    found = []
    for engine in (Eager(), compiled):
        bound, x, phi = problem(posterior, engine)
        torch.manual_seed(5)
        found.append((EVALUATIONS[name](bound, x, phi), torch.rand(1)))
    torch.testing.assert_close(found[1], found[0], rtol=1e-7, atol=1e-7)
    assert compiled.made


def test_few_calls_are_not_left_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Counting()
    bound, x, phi = problem("gaussian", engine)
    calls = engine.calls
    bound.rewards(x, phi, 5, calls=module.MANY - 1)
    assert not calls
    for _ in range(2):
        bound.rewards(x, phi, 5, calls=module.MANY)
    assert len(calls) == 2
    assert len(set(calls)) == 1  # one program, compiled once
    assert lowest_variance_elbo(bound) is lowest_variance_elbo(bound)


def test_what_the_engine_cannot_execute_is_executed_plainly_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    class Refusing(Engine):
        def __call__(self, program: Program, *inputs: Tensor) -> Any:
            raise UserError("it cannot be traced.")

    bound, x, phi = problem("gaussian", Refusing())
    plain, _, _ = problem("gaussian", Eager())
    found = []
    engine = Fallback(bound.engine)
    for one in (engine, Eager()):
        torch.manual_seed(1)
        found.append(one(PhiGradient.of(plain), x, phi))
    engine(PhiGradient.of(plain), x, phi)
    assert torch.equal(*found)
    assert caplog.text.count("it cannot be traced.") == 1


def test_what_the_engine_cannot_execute_is_given_to_it_once(caplog: pytest.LogCaptureFixture) -> None:
    attempts: list[Program] = []

    class Refusing(Engine):
        def __call__(self, program: Program, *inputs: Tensor) -> Any:
            attempts.append(program)
            raise UserError("it cannot be traced.")

    bound, x, phi = problem("gaussian", Refusing())
    for _ in range(5):
        bound.rewards(x, phi, 2, calls=module.MANY)
    assert len(attempts) == 1
    assert caplog.text.count("it cannot be traced.") == 1


def test_few_moves_are_not_left_to_the_engine() -> None:
    bound, _, _ = problem("gaussian", Counting())
    assert isinstance(transition_of(bound, 3, module.MANY - 1).engine, Eager)
    assert isinstance(transition_of(bound, 3, module.MANY).engine, Fallback)
    assert isinstance(transition_of(bound, 3, module.MANY - 1).engine, Eager)


class TwiceSurrogate(Reparam):
    """A surrogate of its own, and no gradient in φ of its own."""

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:
        estimate = super().forward(q, model, objective, x)
        return estimate._replace(surrogate=2 * estimate.surrogate)


class Tempered(VAE):
    """A density of x of its own, and no gradient of its own."""

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return 0.5 * super().log_likelihood(x, z)


class TemperedBernoulli(BernoulliLikelihood):
    """Another density of the outputs, and no gradient of its own."""

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        return 0.5 * super().log_prob(x, outputs)


def test_a_class_that_changes_a_value_does_not_keep_the_gradient_of_its_parent() -> None:
    torch.manual_seed(1)
    x, z, outputs = (torch.rand(4, 3) < 0.5).double(), torch.randn(5, 4, 2).double(), torch.randn(5, 4, 3).double()
    likelihood = TemperedBernoulli(data_dim=3)
    torch.testing.assert_close(likelihood.output_gradient(x, outputs), 0.5 * (x - outputs.sigmoid()))
    _, plain = family_and_model("gaussian", latent_dim=2)
    changed = copy.deepcopy(plain)
    changed.__class__ = Tempered
    torch.testing.assert_close(changed.likelihood_gradient(x, z), 0.5 * plain.likelihood_gradient(x, z))
    bound, x, phi = problem("gaussian", Eager())
    gradients = []
    for estimator in (Reparam(), TwiceSurrogate()):
        bound.estimator = estimator
        torch.manual_seed(2)
        gradients.append(PhiGradient.of(bound)(x, phi))
        bound.programs.clear()
    torch.testing.assert_close(gradients[1], 2 * gradients[0])


LEGAL = [
    *((estimator, objective) for estimator in ("reparam", "doubly_reparam") for objective in ("elbo", "iwae")),
    *((estimator, "free_bits") for estimator in ("reparam", "doubly_reparam", "analytic_kl")),
    ("analytic_kl", "elbo"),
]


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(("estimator", "name"), LEGAL)
def test_an_ascent_without_values_has_the_gradient_of_the_surrogate(estimator: str, name: str, k: int) -> None:
    torch.manual_seed(1)
    family, model = family_and_model("gaussian", latent_dim=2)
    made = make(node(f"estimator/{estimator}"), {})
    bound = Bound(model=model, family=family, objective=objective(name, k), estimator=made)
    x, phi = (torch.rand(6, 3) < 0.4).double(), torch.randn(6, 4).double()
    other = copy.deepcopy(bound)  # free bits remember the KL of every estimate
    torch.manual_seed(2)
    leaf = phi.clone().requires_grad_()
    estimate: Estimate = bound(x, leaf)
    (expected,) = torch.autograd.grad(estimate.surrogate.sum(), leaf)
    torch.manual_seed(2)
    torch.testing.assert_close(PhiGradient.of(other)(x, phi), expected)
    assert all(torch.equal(*pair) for pair in zip(other.buffers(), bound.buffers(), strict=True))
    assert float(expected.abs().max()) > 0


def problem(posterior: str, engine: Engine) -> tuple[Bound, Tensor, Tensor]:
    """A small bound with the weights of seed 1, x and φ."""
    torch.manual_seed(1)
    family, model = family_and_model(posterior, latent_dim=2)
    made = make(node("estimator/" + ("reparam" if posterior == "gaussian" else "score")), {})
    bound = Bound(model=model, family=family, objective=objective("elbo", 1), estimator=made, engine=engine)
    x = (torch.rand(32, 3) < 0.4).double()
    return bound.eval(), x, 0.3 * torch.randn(32, family.num_parameters).double()
