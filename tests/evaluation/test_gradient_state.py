"""Looking at gradients changes nothing, and a run that looks at them on its way is the run that does not."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.composition import composed
from tests.problems import dataset, linear_strategy, node, options, simulated
from tests.runs import TINY, equal, records, state
from vaerun.errors import UserError
from vaerun.evaluation.base import OWN, Named
from vaerun.evaluation.gradient import GradientEvaluation
from vaerun.execution.random_state import isolated
from vaerun.experiment.fit import fit
from vaerun.experiment.make import make
from vaerun.strategy.base import Strategy
from vaerun.trainer.checkpoint import tensors

pytestmark = pytest.mark.slow

QUICK = {"steps": 3, "max_inner": 4, "window": 2, "test_steps": 3}


def trained(name: str, x: Tensor) -> Strategy:
    """A strategy after a step, so that there are gradients, rows and running averages to be lost."""
    few = {key: value for key, value in QUICK.items() if key in node(f"strategy/{name}")}
    strategy = linear_strategy(name, x, estimator="score", **few)
    strategy.step(next(GradientEvaluation.batches(evaluation(strategy), dataset(x), 5)))
    return strategy


def evaluation(strategy: Strategy, **keys: Any) -> GradientEvaluation:
    return GradientEvaluation(
        bound=strategy.bound,
        optimizer=make(node("optimizer/adam"), {}),
        estimators=[
            Named(OWN, strategy.bound.estimator),
            *(Named(name, make(node(f"estimator/{name}"), {})) for name in ("score", "doubly_reparam")),
        ],
        **{"replicas": 20, "warm_up": 2, **keys},
    )


def everything(strategy: Strategy) -> dict[str, Any]:
    """All that a step of training depends on, copied."""
    return {
        "tensors": {name: tensor.detach().clone() for name, tensor in tensors(strategy).items()},
        "gradients": {name: None if w.grad is None else w.grad.clone() for name, w in strategy.named_parameters()},
        "optimizer": copy.deepcopy(strategy.optimizer.state_dict()),
        "modes": [module.training for module in strategy.modules()],
        "asks": [weight.requires_grad for weight in strategy.parameters()],
        "counts": [strategy.decoder_evaluations, strategy.encoder_evaluations],
        "generator": torch.get_rng_state(),
    }


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("split", ["train", "valid"])
@pytest.mark.parametrize("name", options("strategy"))
def test_nothing_of_the_strategy_has_changed(name: str, split: Any, training: bool) -> None:
    x = simulated(5)
    strategy = trained(name, x).train(training)
    looking = evaluation(strategy, split=split)
    before = everything(strategy)
    with isolated(0, x.device):
        figures = looking(strategy, dataset(x)).metrics
    assert equal(everything(strategy), before)
    assert figures["gradient_variance/own_theta"] > 0
    assert ("gradient_variance/own_lam" in figures) == (name in ("amortized", "aggressive", "alternating"))


@pytest.mark.usefixtures("seeded")
def test_the_weights_of_a_family_are_among_lambda_whatever_finds_phi() -> None:
    x = simulated(5)
    strategy = trained("joint", x)
    family = make(node("posterior/iaf"), {"latent_dim": 2})
    strategy.bound.family = family
    looking = GradientEvaluation(bound=strategy.bound, optimizer=make(node("optimizer/adam"), {}), replicas=20)
    for name in ("train", "valid"):
        table = strategy.table(name)
        table.phi = family.initial().detach().repeat(5, 1)
    assert looking(strategy, dataset(x)).metrics["gradient_variance/own_lam"] > 0


def run(directory: Path, *overrides: str) -> Any:
    """A tiny run with gradients looked at in the end."""
    words = [word for word in TINY if not word.startswith("evaluation.")]
    cfg, choices = composed([*words, "evaluation=gradient", "evaluation.replicas=20", *overrides])
    return fit(cfg, choices, directory, live=False)


@pytest.mark.parametrize(
    "overrides",
    [
        (
            "posterior=bernoulli",
            "estimator=score",
            "objective=free_bits",
            "evaluation.estimators=[own,rebar,score/none]",
        ),
        (
            *("strategy=joint", "strategy.test_steps=3", "trainer.validation.every=1"),
            *("evaluation.split=valid", "evaluation.estimators=[own,score]"),
        ),
    ],
)
def test_a_run_that_looks_on_its_way_is_the_run_that_does_not(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    for name, words in (("looks", ("trainer.validation.evaluation_every=1",)), ("plain", ())):
        run(tmp_path / name, *overrides, *words)
    looks, plain = records(tmp_path / "looks"), records(tmp_path / "plain")
    assert sum("gradient_variance/own_theta" in line for line in looks) == 4  # three epochs and the end
    assert sum("gradient_variance/own_theta" in line for line in plain) == 1
    quiet = [{key: value for key, value in line.items() if not extra(key)} for line in looks]
    assert equal(quiet, [{key: value for key, value in line.items() if not extra(key)} for line in plain])
    assert equal(looks[-1], plain[-1])
    for name in ("last", "best"):
        one, other = (state(tmp_path / kind, name) for kind in ("looks", "plain"))
        for key in ("tensors", "optimizer", "generators", "evaluations"):
            assert equal(one[key], other[key]), key


def extra(tag: str) -> bool:
    """Whether it comes from looking at gradients."""
    return tag.startswith("gradient_") and not tag.startswith("gradient_norm")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("disrm", r"estimator=disrm does not exist\. Did you mean 'disarm'"),
        ("score/leave", r"estimator=score/leave does not exist\. Did you mean 'score/learned'"),
        ("arm/none", r"estimator=arm has no nested options"),
        ("reparam", r"has 'reparam'.*Reparam needs a reparameterized posterior"),
        ("score/leave_one_out", r"num_samples must be at least 2 with estimator/baseline=leave_one_out, got 1"),
        ("rebar estimator.eta=x", r"estimator\.eta must be a number, got x"),
        ("rebar estimator.etta=1", r"etta"),
        ("rebar seed=3", r"seed=3 cannot be set for estimator=rebar here"),
        ("enumerate", r"has 'enumerate'.*4096"),
    ],
)
def test_a_run_is_refused_before_it_trains(tmp_path: Path, entry: str, words: str) -> None:
    with pytest.raises(Exception, match=words) as caught:
        run(
            tmp_path,
            "posterior=bernoulli",
            "estimator=disarm",
            "model.latent_dim=20",
            f'evaluation.estimators=["{entry}"]',
        )
    assert isinstance(caught.value, UserError) or "etta" in entry
    assert not (tmp_path / "metrics.jsonl").exists()
