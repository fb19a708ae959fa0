"""What a run leaves in its directory, whatever its end."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginEventAccumulator

from tests.composition import composed
from tests.runs import equal, records, state, summary, train
from vaerun.data.digits import Digits
from vaerun.errors import DivergedError, UserError
from vaerun.experiment.directory import RunDirectory
from vaerun.experiment.fit import fit

POSITION = {
    "step",
    "epoch",
    "seconds",
    "train_seconds",
    "compile_seconds",
    "decoder_evaluations",
    "encoder_evaluations",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run under a warm-up of the KL weight, which its records must not show in what they call a bound."""
    directory = tmp_path_factory.mktemp("finished")
    train(directory, "objective/kl_weight=linear", "objective.kl_weight.epochs=3", "trainer.records.images_every=1")
    return directory


def test_the_directory_holds_what_was_promised(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert {"config.yaml", "metrics.jsonl", "summary.json", "checkpoints"} <= names
    assert {path.name for path in (finished / "checkpoints").iterdir()} == {
        *("last.pt", "last.previous.pt", "best.pt", "best.previous.pt")
    }
    assert any(name.startswith("events.out.tfevents") for name in names)


def tensorboard(directory: Path) -> PluginEventAccumulator:
    """What TensorBoard reads in a run directory."""
    accumulator = PluginEventAccumulator(str(directory))
    accumulator.Reload()
    return accumulator


def words(directory: Path, name: str) -> str:
    """A page of TensorBoard's Text tab, as it was last."""
    return tensorboard(directory).Tensors(name)[-1].tensor_proto.string_val[0].decode()


def test_tensorboard_has_the_environment_the_results_and_the_pictures(finished: Path) -> None:
    said = summary(finished)
    assert f"| torch | {said['versions']['torch']} |" in words(finished, "environment")
    assert "| data | digits (static), 1,297 train, 200 valid, 300 test points |" in words(finished, "environment")
    assert "| labels | 10 classes: 0, 1, 2, 3, 4, … |" in words(finished, "environment")
    results = words(finished, "results")
    assert results.startswith("**completed**")
    elbo, error = said["metrics"]["elbo/test"], said["metrics"]["elbo_se/test"]
    assert f"| `elbo/test` | {elbo:.3f} | ± {error:.2g} | lower bound on mean log p(x) |" in results
    pictures = {"samples/prior", "reconstructions/valid", "traversal/valid", "interpolation/valid"}
    assert pictures <= tensorboard(finished).PluginTagToContent("images").keys()
    assert [event.step for event in tensorboard(finished).Tensors("traversal/valid")] == [18]


def test_the_projector_has_the_validation_points_at_the_best_state(finished: Path) -> None:
    assert len(np.loadtxt(finished / "projector" / "tensors.tsv")) == 200
    columns = np.genfromtxt(finished / "projector" / "metadata.tsv", delimiter="\t", names=True)
    said = summary(finished)["best"]["valid"]
    assert columns["elbo"].mean() == pytest.approx(said, abs=0.5), "another draw of z at the same weights"


def test_a_run_without_pictures_has_no_projector(tmp_path: Path) -> None:
    train(tmp_path)
    assert not (tmp_path / "projector_config.pbtxt").exists()
    assert "traversal/valid" not in tensorboard(tmp_path).Tags()["tensors"]


def test_pictures_change_no_figure(finished: Path, tmp_path: Path) -> None:
    train(tmp_path, "objective/kl_weight=linear", "objective.kl_weight.epochs=3")
    assert records(tmp_path) == records(finished)


def test_every_record_says_what_it_had_cost(finished: Path) -> None:
    lines = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert all(line.keys() >= POSITION for line in lines)
    for key in POSITION:
        values = [line[key] for line in lines]
        assert values == sorted(values)
    last = lines[-1]
    assert last["decoder_evaluations"] == last["encoder_evaluations"] == 200 * last["step"]
    assert last["seconds"] > last["train_seconds"] > 0


def test_the_elbo_is_at_kl_weight_one_and_the_objective_is_named_apart(finished: Path) -> None:
    first = records(finished)[0]
    assert first["kl_weight/train"] < 1
    assert first["elbo/train"] == pytest.approx(first["log_likelihood/train"] - first["kl/train"])
    # In the first record two steps are averaged, at weights 0 and 1/18.
    assert first["objective/train"] > first["elbo/train"]
    assert first["objective/train"] == pytest.approx(first["log_likelihood/train"], abs=first["kl/train"])
    final = records(finished)[-1]
    assert final["elbo/test"] == pytest.approx(final["log_likelihood/test"] - final["kl/test"])
    assert final["elbo/test"] <= final["iwae_2/test"] < 0


def test_the_summary_says_what_the_run_was(finished: Path) -> None:
    said = summary(finished)
    assert said["status"] == "completed"
    assert said["reason"] is None
    assert said["steps"] == 18
    assert said["epochs"] == 3
    assert said["seed"] == 0
    assert said["metrics"]["elbo/test"] == records(finished)[-1]["elbo/test"]
    assert said["metrics"].keys() >= {"elbo/train", "elbo/valid", "log_likelihood/valid", "kl/valid"}
    assert said["train_samples_per_second"] == pytest.approx(18 * 200 / said["train_seconds"])
    held = state(finished)["tensors"]
    theta = sum(t.numel() for name, t in held.items() if name.startswith("bound.model") and "device_of" not in name)
    assert said["parameters"]["theta"] == theta
    assert said["parameters"]["phi"] == 0 < said["parameters"]["lam"]
    assert said["data"]["split_sizes"] == {"train": 1297, "valid": 200, "test": 300}
    assert len(said["data"]["sha256"]) == 64
    assert said["peak_memory_bytes"] > 1e6


def test_a_finished_run_is_never_overwritten(finished: Path) -> None:
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    train(finished, "objective/kl_weight=linear", "objective.kl_weight.epochs=3", "trainer.records.images_every=1")
    with pytest.raises(UserError, match=r"holds a run with .*, not .*choose another"):
        train(finished, "seed=1")
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    with RunDirectory(tmp_path), pytest.raises(UserError, match="in use"):
        train(tmp_path)


def test_divergence_names_the_quantity_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"(/train|/valid) became (nan|-?inf)|non-finite"):
        train(tmp_path, "optimizer.learning_rate=1e30")
    said = summary(tmp_path)
    assert said["status"] == "diverged"
    assert "became" in said["reason"] or "non-finite" in said["reason"]
    assert words(tmp_path, "results").startswith(f"**diverged**: {said['reason']}")
    held = state(tmp_path)["tensors"].values()
    assert all(bool(torch.isfinite(t).all()) for t in held if t.is_floating_point())


def test_an_unfinished_run_says_what_it_was_of(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(DivergedError):
        train(tmp_path, "optimizer.learning_rate=1e30")
    said, whole = summary(tmp_path), summary(finished)
    for key in ("data", "parameters", "versions", "device", "threads", "matmul_backend"):
        assert said[key] == whole[key]
    assert said["peak_memory_bytes"] > 1e6


def test_a_run_that_could_not_be_built_says_what_would_have_computed_it(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        train(tmp_path, "data=arrays", f"data.path={tmp_path / 'absent.npy'}")
    said = summary(tmp_path)
    assert said["versions"] == summary(finished)["versions"]
    assert "data" not in said


def test_a_failure_leaves_its_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        train(tmp_path, "data=arrays", f"data.path={tmp_path / 'absent.npy'}")
    said = summary(tmp_path)
    assert said["status"] == "failed"
    assert "absent.npy" in said["reason"]


def test_data_outside_the_likelihoods_support_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"over \{0, 1\}.*data\.binarize=static"):
        train(tmp_path, "data.binarize=none")


def test_what_is_no_bound_is_not_called_one(tmp_path: Path) -> None:
    train(tmp_path, "data.binarize=none", "model/likelihood=cross_entropy")
    tags = {tag for record in records(tmp_path) for tag in record}
    assert "pseudo_elbo/test" in tags
    assert "pseudo_elbo/train" in tags
    assert not [tag for tag in tags if tag.startswith(("elbo", "iwae"))]


def test_per_point_strategies_record_their_effort(tmp_path: Path) -> None:
    train(tmp_path, "strategy=coordinate", "strategy.max_steps=3", "strategy.test_steps=20")
    first = records(tmp_path)[0]
    assert first["inner_steps/train"] == 3
    final = summary(tmp_path)["metrics"]
    assert "inner_converged/train" not in final
    assert 0 < final["inner_steps/test"] <= 20
    assert 0 <= final["inner_converged/test"] <= 1
    # At one visit: 3 φ-steps and one θ-step.
    assert summary(tmp_path)["decoder_evaluations"] == 18 * 200 * (3 + 1)


@pytest.mark.parametrize(("limit", "key"), [("max_decoder_evaluations=2500", "decoder_evaluations")])
def test_a_limit_on_the_cost_ends_the_training(limit: str, key: str, tmp_path: Path) -> None:
    said = train(tmp_path, f"trainer.{limit}", "trainer.epochs=100")
    assert said["status"] == "completed"
    assert said[key] == 2600
    assert math.isfinite(said["metrics"]["elbo/test"])


def test_vectors_train_under_a_gaussian_likelihood(tmp_path: Path) -> None:
    said = train(tmp_path, "data=linear_gaussian", "model/likelihood=gaussian", "trainer.records.images_every=1")
    assert said["metrics"]["elbo/test"] <= said["metrics"]["iwae_2/test"]


def test_the_default_run_beats_the_best_model_without_latents(tmp_path: Path) -> None:
    data = Digits().load()
    train_x, valid_x, test_x = (split.points() for split in (data.train, data.valid, data.test))

    def per_pixel(x: torch.Tensor, pseudocount: float) -> float:
        p = (train_x.sum(0) + pseudocount) / (len(train_x) + 2 * pseudocount)
        return float((x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean())

    tuned = max((0.01, 0.1, 0.3, 1.0, 3.0, 10.0), key=lambda pseudocount: per_pixel(valid_x, pseudocount))
    cfg, choices = composed(["trainer.records.images_every=0"])
    said = fit(cfg, choices, tmp_path, live=False)
    assert said["metrics"]["elbo/test"] > per_pixel(test_x, tuned) + 3


def test_an_evaluation_during_training_is_recorded_where_it_is_due(tmp_path: Path) -> None:
    words = ("evaluation=latent", "evaluation.points=50", "trainer.epochs=5", "evaluation.num_samples=2")
    train(tmp_path / "often", *words, "trainer.validation.evaluation_every=2")
    at = [record["epoch"] for record in records(tmp_path / "often") if "active_units/test" in record]
    assert at == [2, 4, 5]
    train(tmp_path / "end", *words)
    assert equal(state(tmp_path / "often")["tensors"], state(tmp_path / "end")["tensors"])
    assert summary(tmp_path / "often")["metrics"]["kl/test"] == summary(tmp_path / "end")["metrics"]["kl/test"]


def test_the_test_elbo_is_of_all_points_whatever_was_evaluated(tmp_path: Path) -> None:
    for name, words in (("few", ("evaluation.points=10",)), ("other", ("evaluation=latent", "evaluation.points=50"))):
        train(tmp_path / name, *words, "evaluation.num_samples=1")
    few, other = (summary(tmp_path / name)["metrics"] for name in ("few", "other"))
    assert few["elbo/test"] == other["elbo/test"]
    whole = train(tmp_path / "whole", "evaluation.num_samples=1")["metrics"]
    assert whole["elbo/test"] == few["elbo/test"]


def test_two_intervals_that_do_not_meet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be a multiple of trainer\.validation\.every=2.*got 3"):
        train(tmp_path, "trainer.validation.every=2", "trainer.validation.evaluation_every=3")


def test_a_schedule_that_a_budget_cuts_off_is_said_in_the_summary(tmp_path: Path) -> None:
    warm_up = ("objective/kl_weight=linear", "objective.kl_weight.epochs=3")
    said = train(tmp_path / "cut", *warm_up, "trainer.max_decoder_evaluations=1500")["warnings"]
    # 8 steps of 200 points; the 8th is made at (7 / 6) / 3 of the warm-up.
    assert len(said) == 1
    assert said[0].startswith("kl_weight was 0.389 at the last step, not 1 as at the end of its schedule of 3 epochs")
    assert "(trainer.max_decoder_evaluations=1500 was reached)" in said[0]
    assert train(tmp_path / "whole", *warm_up)["warnings"] == []


def test_ascents_that_did_not_converge_in_training_are_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = train(tmp_path, "strategy=coordinate", "strategy.max_steps=1", "strategy.test_steps=20")
    (note,) = (one for one in said["warnings"] if "ascents in φ" in one)
    left = said["metrics"]["gain_left/train"]
    assert left > 0.1
    assert f"has {left:.2f} nat left to gain. Use objective.num_samples=10 and strategy.max_steps=200" in note
    assert note in caplog.messages
    remedy = re.findall(r"[a-z_.]+=\d+", note)
    better = train(tmp_path / "better", "strategy=coordinate", "strategy.test_steps=20", *remedy)
    assert 0 < better["metrics"]["gain_left/train"] < 0.1
    assert not any("ascents" in one for one in better["warnings"])


def test_an_evaluation_of_some_points_stands_beside_the_elbo_of_all_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "vaerun")
    metrics = train(tmp_path / "some", "evaluation=latent", "evaluation.points=40", "trainer.epochs=1")["metrics"]
    assert "kl_se/test" not in metrics  # of 40 points, beside the KL of all 300
    assert "elbo, log_likelihood and kl are means over all 300 test points, the other figures over 40" in caplog.text
    caplog.clear()
    metrics = train(tmp_path / "all", "evaluation=latent", "trainer.epochs=1")["metrics"]
    assert metrics["kl/test"] - metrics["mutual_information/test"] == pytest.approx(metrics["marginal_kl/test"])
    assert "means over all" not in caplog.text
