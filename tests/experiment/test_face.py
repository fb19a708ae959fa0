"""The Python face: what ``vaerun.train`` returns and ``vaerun.load`` opens, against what the run itself recorded."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import vaerun
from tests.runs import TINY
from vaerun.amortizer.mlp import MLPAmortizer
from vaerun.bound.bound import Bound
from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.estimator.reparam import Reparam
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.experiment.directory import write_summary
from vaerun.experiment.experiment import Experiment
from vaerun.experiment.run import Run
from vaerun.model.decoder.mlp import MLPDecoder
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.model.prior.standard_normal import StandardNormal
from vaerun.model.vae import VAE
from vaerun.objective.elbo import ELBO
from vaerun.posterior.gaussian import Gaussian
from vaerun.strategy.amortized import Amortized
from vaerun.trainer.trainer import Trainer

PER_POINT = ("strategy=coordinate", "strategy.max_steps=3", "strategy.test_steps=200")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on vectors of a far-off scale, whose data have been taken away since."""
    folder = tmp_path_factory.mktemp("real")
    generator = np.random.default_rng(0)
    np.save(folder / "x.npy", 7 + 30 * generator.normal(size=(400, 2)) @ generator.normal(size=(2, 6)))
    words = ("data=arrays", f"data.path={folder}/x.npy", "model/likelihood=gaussian", "evaluation.num_samples=1")
    run = vaerun.train(*TINY, *words, "model.latent_dim=2", "trainer.batch_size=40", directory=folder / "run")
    np.save(folder / "test.npy", run.data.test.x.numpy())
    (folder / "x.npy").rename(folder / "away.npy")
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return vaerun.train(*TINY, *PER_POINT, directory=tmp_path_factory.mktemp("digits") / "run")


def test_a_run_is_opened_without_its_data_and_is_the_run_that_was_trained(real: Path) -> None:
    run, x = vaerun.load(real / "run"), np.load(real / "test.npy")
    torch.manual_seed(0)
    elbo = run.elbo(x, num_samples=400)
    recorded = run.summary["metrics"]
    error = float(elbo.standard_errors.square().sum().sqrt() / len(x)) + recorded["elbo_se/test"]
    # The run's own figure is of one draw a point, the same points.
    assert float(elbo.values.mean()) == pytest.approx(recorded["elbo/test"], abs=4 * error)
    likelihood = run.log_likelihood(x, num_samples=400)
    assert bool((likelihood.values >= elbo.values - 4 * elbo.standard_errors).all())
    assert float(likelihood.values.mean()) > float(elbo.values.mean())


def test_a_split_asks_for_the_data(real: Path) -> None:
    with pytest.raises(UserError, match=r"x\.npy"):
        vaerun.load(real / "run").evaluate("bound", split="test")
    moved = vaerun.load(real / "run", overrides=[f"data.path={real}/away.npy"])
    assert moved.evaluate("bound", num_samples=1).metrics["elbo/test"] == pytest.approx(
        moved.summary["metrics"]["elbo/test"]
    )


def test_standard_errors_are_those_of_repeated_estimates(real: Path) -> None:
    run, x = vaerun.load(real / "run"), np.load(real / "test.npy")[:3]
    torch.manual_seed(1)
    for estimate in (run.elbo, run.log_likelihood):
        repeated = torch.stack([estimate(x, num_samples=200).values for _ in range(200)])
        ratio = estimate(x, num_samples=200).standard_errors / repeated.std(0)
        assert bool(((ratio > 0.5) & (ratio < 2)).all()), ratio


def test_q_is_the_strategys_own(digits: Run) -> None:
    x = digits.data.test.points(slice(4))
    q = digits.infer(x)
    z = q.sample(5)
    assert z.shape == (5, 4, 3)
    assert q.log_prob(z).shape == (5, 4)
    assert q.mean().shape == digits.encode(x).shape == (4, 3)
    # An ascent in φ of its own: nearer to the posterior than the family's first φ.
    first = digits.strategy.bound.family(digits.strategy.initial.expand(4, -1))
    r = [
        digits.strategy.bound.rewards(x, phi, 500).mean(0)
        for phi in (digits.strategy.infer(x).phi, first.mu.new_zeros(4, 6))
    ]
    assert bool((r[0] > r[1]).all())


def test_nothing_that_is_asked_changes_the_run(digits: Run) -> None:
    def held() -> dict[str, torch.Tensor]:
        named = (*digits.strategy.named_parameters(), *digits.strategy.named_buffers())
        return {name: t.detach().clone() for name, t in named}

    before = held()
    x = digits.sample(6)
    digits.infer(x), digits.elbo(x), digits.reconstruct(x), digits.log_likelihood(x, num_samples=10)
    digits.evaluate("bound", split="valid", points=20, num_samples=2)
    after = held()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_images_keep_their_shape(digits: Run) -> None:
    x = digits.sample(7)
    assert x.shape == digits.reconstruct(x).shape == (7, 8, 8)
    assert set(x.unique().tolist()) <= {0.0, 1.0}
    assert digits.decode(torch.zeros(2, 5, 3)).shape == (2, 5, 8, 8)
    reconstructions = []
    for points in (x, x.flatten(1), x.numpy()):
        torch.manual_seed(0)  # an ascent in φ draws
        reconstructions.append(digits.reconstruct(points))
    assert torch.equal(reconstructions[0], reconstructions[1])
    assert torch.equal(reconstructions[0], reconstructions[2])


def test_an_evaluation_is_what_the_command_computes(digits: Run) -> None:
    named = digits.evaluate("bound", split="test", num_samples=2)
    assert named.metrics["elbo/test"] == digits.summary["metrics"]["elbo/test"]
    assert named.num_points == 300
    assert named.points["elbo"].shape == (300,)
    object_of_ones_own = digits.evaluate(BoundEvaluation(split="test", num_samples=2))
    assert object_of_ones_own.metrics == named.metrics


def test_curves_and_rows(digits: Run) -> None:
    assert [record["step"] for record in digits.records][-1] == 18
    with pytest.warns(UserWarning, match="has no effect|did not converge"):
        (row,) = vaerun.compare(digits.directory)
    assert row["name"] == "coordinate"
    assert row["elbo/test"] == digits.summary["metrics"]["elbo/test"]


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda run: run.infer(torch.zeros(3, 5)), r"must have the shape \[N, 8, 8\], got \[3, 5\]"),
        (lambda run: run.infer(torch.full((3, 64), 0.5)), r"must be 0 or 1.*got 0\.5"),
        (lambda run: run.infer(torch.full((3, 64), torch.nan)), r"must be observed.*got nan"),
        (lambda run: run.decode(torch.zeros(2, 4)), r"must have 3 values, got the shape \[2, 4\]"),
        (lambda run: run.elbo(torch.zeros(3, 64), num_samples=1), "at least 2.*got 1"),
        (lambda run: run.elbo(torch.zeros(3, 64), num_samples=2.5), "whole number of at least 2.*got 2.5"),
        (lambda run: run.infer([[0, 1], [0]]), "real numbers, got list"),
        (lambda run: run.infer(None), "real numbers, got NoneType"),
        (lambda run: run.infer(torch.zeros(3, 64).to_sparse()), "dense tensor"),
        (lambda run: run.infer(torch.zeros(0, 64)), "at least one point"),
        (lambda run: run.decode(1.0), r"must have 3 values, got the shape \[\]"),
        (lambda run: run.sample(-1), "n must be a whole number of at least 1, got -1"),
        (lambda run: run.evaluate("gapp"), "evaluation=gapp does not exist. Did you mean 'gap'"),
        (lambda run: run.evaluate(None), "an evaluation must be a name.*got None"),
        (lambda run: run.evaluate(BoundEvaluation(), points=3), "points cannot be set"),
        (lambda run: run.evaluate("gap", split="tset"), "split"),
    ],
)
def test_what_cannot_work_is_a_sentence(ask, sentence: str, digits: Run) -> None:
    with pytest.raises(UserError, match=sentence):
        ask(digits)


@pytest.mark.parametrize("form", [lambda x: x[::-1], lambda x: x.astype(">f8"), lambda x: x.tolist(), lambda x: x > 0])
def test_arrays_of_any_kind_are_points(form, digits: Run) -> None:
    x = (np.random.default_rng(0).random((4, 64)) < 0.5).astype(np.float32)
    given = form(x)
    torch.manual_seed(0)
    means = digits.infer(given).mean()
    torch.manual_seed(0)
    assert torch.equal(means, digits.infer(torch.tensor(np.array(given, dtype=np.float32))).mean())


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("config.yaml", "a: [", "is not the configuration of a run"),
        ("config.yaml", "", "is not the configuration of a run: restore the file"),
        ("config.yaml", "- a", "is not the configuration of a run"),
        ("config.yaml", "old: 1", "cannot be opened by this version of vaerun: 'old' is not a key of a run"),
        ("checkpoints/best.pt", "", "cannot be read as a checkpoint"),
    ],
)
def test_a_damaged_directory_is_a_sentence(name: str, text: str, sentence: str, digits: Run, tmp_path: Path) -> None:
    shutil.copytree(digits.directory, tmp_path / "run")
    (tmp_path / "run" / name).write_text(text)
    (tmp_path / "run" / "checkpoints" / "best.previous.pt").unlink()
    with pytest.raises(UserError, match=sentence):
        vaerun.load(tmp_path / "run")


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("mylab.plain.Plain", "is not found, because mylab is neither in this folder nor on Python's path: change"),
        ("otherlab.plain.Plain", "does not exist, because otherlab has no plain: change to the folder whose otherlab"),
    ],
)
def test_a_run_with_code_that_is_not_in_this_folder_says_where_to_go(
    target: str, sentence: str, digits: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(digits.directory, tmp_path / "run")
    file = tmp_path / "run" / "config.yaml"
    file.write_text(file.read_text().replace("vaerun.estimator.reparam.Reparam", target))
    (tmp_path / "otherlab").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        vaerun.load("run", trust=target.partition(".")[0])
    said = f"run was trained with code of your own: estimator._target_={target} {sentence}"
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"checkpoint": "worst"}, "checkpoint must be best, last or epoch_N, got 'worst'"),
        ({"overrides": ["trainer.epochs=3"]}, "trainer.epochs=3 cannot be set, because a run keeps"),
        ({"overrides": ["execution.threads=x"]}, "execution.threads must be a whole number or null, got x"),
        ({"overrides": "execution.device"}, "write execution.device=VALUE"),
    ],
)
def test_load_takes_where_a_run_computes_and_no_more(asked, sentence: str, digits: Run) -> None:
    with pytest.raises(UserError, match=sentence):
        vaerun.load(digits.directory, **asked)


def test_a_finished_run_is_only_opened(digits: Run) -> None:
    again = vaerun.train(*TINY, *PER_POINT, directory=digits.directory)
    assert again.summary == digits.summary
    with pytest.raises(UserError, match="holds a run"):
        vaerun.train(*TINY, directory=digits.directory)
    with pytest.raises(UserError, match="does not exist"):
        vaerun.load(digits.directory / "nothing")
    with pytest.raises(UserError, match="no run"):
        vaerun.compare(digits.directory / "checkpoints")


def test_the_package_imports_nothing_before_it_is_asked() -> None:
    code = "import vaerun, sys; print([m for m in ('torch', 'hydra', 'omegaconf', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    assert {"train", "load", "compare", "Experiment", "Run"} <= set(dir(vaerun))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        vaerun.trian  # noqa: B018


def test_an_experiment_made_by_hand_is_fitted_and_opened(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.randn(300, 2) @ torch.randn(2, 5) + 3
    data = Dataset.of(x)
    model = LinearGaussian(latent_dim=2, data_mean=data.mean(), data_std=data.std())
    family = Gaussian(latent_dim=2)
    bound = Bound(model=model, family=family, objective=ELBO(num_samples=2), estimator=Reparam())
    amortizer = MLPAmortizer(data_dim=5, num_parameters=family.num_parameters, initial=family.initial(), hidden=[],
                    data_mean=data.mean(), data_std=data.std())  # fmt: skip
    strategy = Amortized(bound=bound, amortizer=amortizer, optimizer=lambda w: torch.optim.Adam(w, lr=0.03))
    experiment = Experiment(data=data, strategy=strategy, trainer=Trainer(epochs=40, batch_size=40))
    run = experiment.fit(tmp_path / "run", live=False)
    assert run.summary["status"] == "completed"
    rows = data.test.x
    assert float(run.elbo(rows).values.mean()) == pytest.approx(run.summary["metrics"]["elbo/test"], abs=0.3)
    assert float(run.log_likelihood(rows, num_samples=500).values.mean()) == pytest.approx(
        float(model.exact_log_prob(rows).mean().detach()), abs=0.05
    )
    assert run.evaluate(BoundEvaluation(num_samples=5)).num_points == 30
    with pytest.raises(UserError, match="Evaluation object"):
        run.evaluate("gap")
    with pytest.raises(UserError, match=r"call experiment\.fit\("):
        vaerun.load(tmp_path / "run")
    again = experiment.fit(tmp_path / "run", live=False)  # the remedy
    assert again.step == run.step


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("strategy=amortised", "Did you mean 'amortized'"),
        ("trainer.epoch=3", r"Did you mean 'trainer\.epochs'"),
        ("trainer.epochs=0", r"trainer\.epochs must be at least 1, got 0"),
        ("posterior=bernoulli", "reparameterized posterior"),
    ],
)
def test_a_word_that_cannot_work_is_the_sentence_of_the_command(word: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        vaerun.train(word, directory=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "asked", "sentence"),
    [
        (("resume=runs/a",), {}, "resume cannot be set from Python: give directory=DIR"),
        (("hydra.run.dir=runs/a",), {}, "hydra.run.dir cannot be set from Python"),
        (("seed=3",), {"seed": 1}, "the seed is given twice"),
        ((["seed=3"],), {}, "every word must be a text"),
    ],
)
def test_what_python_cannot_follow_is_not_dropped(words, asked, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        vaerun.train(*words, directory=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_the_seed_may_be_a_word(tmp_path: Path) -> None:
    run = vaerun.train(*TINY, "trainer.epochs=1", "seed=3", directory=tmp_path / "run")
    assert run.summary["seed"] == 3


@pytest.mark.parametrize(("scale", "fits"), [(1.0, True), (0.5, False), (-3.0, False)])
def test_by_hand_too_the_likelihood_must_have_the_data_as_values(scale: float, fits: bool) -> None:
    bits = (torch.rand(60, 4) < 0.5).float()
    data, family = Dataset.of(scale * bits), Gaussian(latent_dim=1)
    model = VAE(
        latent_dim=1,
        prior=StandardNormal(latent_dim=1),
        likelihood=BernoulliLikelihood(data_dim=4),
        decoder=MLPDecoder,
        data_mean=data.mean(),
    )
    bound = Bound(model=model, family=family, objective=ELBO(), estimator=Reparam())
    amortizer = MLPAmortizer(data_dim=4, num_parameters=2, initial=family.initial(), data_mean=data.mean(), data_std=1)
    strategy = Amortized(bound=bound, amortizer=amortizer, optimizer=torch.optim.Adam)
    if fits:
        Experiment(data=data, strategy=strategy, trainer=Trainer(epochs=1))
    else:
        with pytest.raises(UserError, match=r"distribution over \{0, 1\}, but data=x has values in"):
            Experiment(data=data, strategy=strategy, trainer=Trainer(epochs=1))


def test_a_watcher_may_finish_a_training_early_and_the_run_is_tested(tmp_path: Path) -> None:
    class Finish(vaerun.Watcher):
        def on_validation(self, training, *, improved):
            training.finish("seen enough")

    run = vaerun.train(*TINY, "trainer.epochs=50", directory=tmp_path / "run", watchers=[Finish()])
    assert run.summary["status"] == "completed"
    assert run.summary["steps"] == 7  # the first epoch has six
    assert run.summary["metrics"]["elbo/test"] < 0


def test_a_run_that_is_finished_before_its_first_step_makes_one_and_is_tested(tmp_path: Path) -> None:
    class Finish(vaerun.Watcher):
        def on_start(self, training):
            training.finish("at once")

    run = vaerun.train(*TINY, directory=tmp_path / "run", watchers=[Finish()])
    assert (run.summary["status"], run.summary["steps"]) == ("completed", 1)
    run = vaerun.train(*TINY, "trainer.max_seconds=1e-9", directory=tmp_path / "short")
    assert (run.summary["status"], run.summary["steps"]) == ("completed", 1)


def test_what_is_no_watcher_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="every watcher must be an object of a class derived from Watcher, got 3"):
        vaerun.train(*TINY, directory=tmp_path / "run", watchers=[3])


def test_an_interruption_without_a_reason_says_what_it_is(tmp_path: Path) -> None:
    class Stop(vaerun.Watcher):
        def on_step(self, training):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^interrupted; resume with"):
        vaerun.train(*TINY, directory=tmp_path / "run", watchers=[Stop()])
    assert vaerun.load(tmp_path / "run").summary["reason"] == "interrupted"


def test_columns_may_be_written_as_on_the_command_line(digits: Run) -> None:
    with pytest.warns(UserWarning, match="has no effect|did not converge"):
        (row,) = vaerun.compare(digits.directory, columns="steps,elbo/test")
    assert row["steps"] == 18


def test_a_directory_made_by_hand_says_how_to_open_it(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(UserError, match=r"its run was made of objects in Python, make the .* otherwise restore"):
        vaerun.load(tmp_path)


def test_the_directory_of_a_refused_run_says_why_it_holds_none(tmp_path: Path) -> None:
    write_summary(tmp_path, {"status": "failed", "reason": "data.path must be a path: rename the file."})
    with pytest.raises(UserError, match=r"holds no run, because it failed before it began: data\.path must be a path"):
        vaerun.load(tmp_path)


@pytest.mark.parametrize("below", ["", "run"])
def test_a_file_is_no_run_directory(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not a directory: choose another directory"):
        vaerun.train("trainer.epochs=1", directory=tmp_path / "file" / below)
