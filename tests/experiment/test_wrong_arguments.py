"""Arguments of the Python interface that cannot work: one sentence, before anything is trained."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import vaerun
from tests.runs import TINY
from vaerun.amortizer.mlp import MLPAmortizer
from vaerun.bound.bound import Bound
from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.estimator.reparam import Reparam
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.experiment.experiment import Experiment
from vaerun.experiment.run import Run
from vaerun.model.decoder.mlp import MLPDecoder
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood
from vaerun.model.prior.standard_normal import StandardNormal
from vaerun.model.vae import VAE
from vaerun.objective.elbo import ELBO
from vaerun.optimizer.adam import Adam
from vaerun.posterior.gaussian import Gaussian
from vaerun.strategy.amortized import Amortized
from vaerun.strategy.base import Strategy
from vaerun.trainer.trainer import Trainer


class ReturnsNumbers(Evaluation):
    """An evaluation that does not keep the contract."""

    def num_points(self, data: Dataset) -> int:
        return 1

    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        return {"mine": 1.0}  # type: ignore[return-value]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return vaerun.train(*TINY, directory=tmp_path_factory.mktemp("runs") / "a")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda run: vaerun.load(None), "directory must be the path of a folder, such as 'runs/a', got NoneType."),
        (lambda run: vaerun.load(run), "directory must be the path of a folder, such as 'runs/a', got Run."),
        (lambda run: vaerun.compare(["a", "b"]), r"every root must be the path of a folder.* got \['a', 'b'\]\."),
        (lambda run: vaerun.compare(""), "every root must be the path of a folder.* got ''."),
        (lambda run: vaerun.compare(), "compare needs a directory"),
        (lambda run: vaerun.train(*TINY, directory=""), "directory must be the path of a folder.* got ''."),
        (lambda run: vaerun.train(*TINY, directory=3), "directory must be the path of a folder.* got 3."),
        (lambda run: vaerun.train(*TINY, directory="x", watchers=vaerun.Watcher()), "watchers must be a list"),
        (lambda run: run.evaluate("bound", data="new.npz"), r"data must be a Dataset, such as run\.read.* got str\."),
        (lambda run: run.evaluate("bound", data=torch.zeros(3, 64)), r"data must be a Dataset.* got Tensor\."),
        (lambda run: run.evaluate(ReturnsNumbers()), "must return an EvaluationResult.* ReturnsNumbers returned dict"),
    ],
)
def test_a_wrong_argument_is_a_sentence(
    wrong: Callable[[Any], object], sentence: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        wrong(run)
    assert not list(tmp_path.iterdir())


def by_hand(*, prior_dim: int = 2, family_dim: int = 2, **parts: Any) -> Experiment:
    """An experiment of objects."""
    data = Dataset.of((torch.rand(60, 4) < 0.4).float(), name="bits")
    likelihood = BernoulliLikelihood(data_dim=4)
    decoder = partial(MLPDecoder, hidden=[3])
    prior = StandardNormal(latent_dim=prior_dim)
    model = VAE(latent_dim=2, prior=prior, likelihood=likelihood, decoder=decoder, data_mean=data.mean())
    family = Gaussian(latent_dim=family_dim)
    bound = Bound(model=model, family=family, objective=ELBO(num_samples=1), estimator=Reparam())
    encoder = MLPAmortizer(
        data_dim=4,
        num_parameters=family.num_parameters,
        initial=family.initial(),
        data_mean=data.mean(),
        data_std=data.std(),
        hidden=[3],
    )
    strategy = Amortized(bound=bound, amortizer=encoder, optimizer=Adam)
    return Experiment(data=data, strategy=strategy, trainer=Trainer(epochs=1), **parts)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"evaluation": "bound"}, "evaluation must be an object of a class derived from Evaluation.* got 'bound'"),
        ({"evaluation": BoundEvaluation}, r"evaluation must be an object.* got BoundEvaluation\."),
        ({"watchers": vaerun.Watcher()}, "watchers must be a list"),
        ({"prior_dim": 3}, "the latent_dim of the prior must be that of the model, 2, got 3"),
        ({"family_dim": 3}, "the latent_dim of q must be that of the model, 2, got 3"),
    ],
)
def test_objects_that_cannot_work_together_are_refused_before_training(parts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        by_hand(**parts)


def test_weights_of_another_type_are_refused_before_training() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(UserError, match=r"the weights must be torch\.float32.* got torch\.float64"):
            by_hand()
    finally:
        torch.set_default_dtype(torch.float32)


def test_an_experiment_by_hand_leaves_the_settings_of_torch(tmp_path: Path) -> None:
    torch.use_deterministic_algorithms(True)
    try:
        run = by_hand().fit(tmp_path / "run")
        run.evaluate(BoundEvaluation(num_samples=2))
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
