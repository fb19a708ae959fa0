"""vaerun eval, from the words typed to the lines, files and tables left."""

import errno
import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.problems import options
from tests.runs import train
from vaerun import cli
from vaerun.command.eval import together
from vaerun.report.recorded import read as read_recorded
from vaerun.system.whole_file import append_line

SHORT = {
    "ais": ("temperatures=3", "chains=2"),
    "bound": ("num_samples=3",),
    "cross": ("max_steps=20", "encoder_epochs=1", "num_samples=5"),
    "gap": ("max_steps=200", "temperatures=2", "chains=2", "num_samples=30", "starts=2"),
    "gradient": ("replicas=20", "warm_up=2"),
    "latent": (),
    "marginal": ("num_samples=50",),
}

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny runs of the same data, one of other data, and one of bits."""
    folder = tmp_path_factory.mktemp("runs")
    train(folder / "one", "trainer.epochs=1")
    train(folder / "two", "trainer.epochs=1", "strategy=coordinate", "strategy.test_steps=20")
    train(folder / "other", "trainer.epochs=1", "data.binarize_seed=1")
    train(folder / "bits", "trainer.epochs=1", "posterior=bernoulli", "estimator=disarm")
    return folder


@pytest.fixture
def vaerun(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """(exit code, stdout, stderr) of a command line in the folder of the runs."""
    monkeypatch.chdir(root)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("VAERUN_TRACEBACK", "")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "")
        return cli.dispatch(["eval", *words]), *capsys.readouterr()

    return call


def result_of(vaerun: Call, *words: str) -> dict[str, Any]:
    """The one result of a command that ends well."""
    code, out, err = vaerun(*words, "--json")
    assert code == 0, err
    (result,) = json.loads(out)
    return result


@pytest.mark.slow
@pytest.mark.parametrize("option", options("evaluation"))
@pytest.mark.parametrize("run", ["one", "bits"])
def test_every_metric_of_every_evaluation_says_what_it_is(vaerun: Call, option: str, run: str) -> None:
    words = [f"evaluation={option}", "evaluation.points=6", *(f"evaluation.{key}" for key in SHORT.get(option, ()))]
    result = result_of(vaerun, run, *words)
    assert result["metrics"]
    quantities = {tag.partition("/")[0] for tag in result["metrics"]}
    assert result["about"].keys() <= quantities
    assert {name.removesuffix("_se") for name in quantities} <= result["about"].keys()
    assert all(about["meaning"] for about in result["about"].values())
    assert result["data"]["points"] == 6
    assert result["data"]["binarize"] == "static"
    assert result["evaluation"]["points"] == 6


def test_the_gaps_of_a_run_add_up_and_leave_pictures(root: Path, vaerun: Call) -> None:
    words = ("evaluation=gap", "evaluation.points=6", *(f"evaluation.{key}" for key in SHORT["gap"]))
    result = result_of(vaerun, "one", *words, "evaluation.family=full_gaussian")
    figures = result["metrics"]
    with np.load(root / "one" / result["points"] / "points.npz") as points:
        assert points["inference_gap"].shape == (6,)
        parts = points["approximation_gap"] + points["amortization_gap"]
        assert np.allclose(parts, points["inference_gap"], equal_nan=True)
    assert "elbo_optimal_full_gaussian/test" in figures
    with Image.open(root / "one" / result["points"] / "worst_points_test.png") as picture:
        assert picture.size[0] > 100
    bits = result_of(vaerun, "bits", *words)["metrics"]
    assert "log_marginal/test" in bits  # eight values of z
    code, _, err = vaerun("bits", *words, "evaluation.family=full_gaussian")
    assert code == 2
    assert "over real z, but this run's z are binary" in err
    assert err.count("\n") == 1


def test_one_run_has_a_table_with_what_each_metric_is(vaerun: Call) -> None:
    code, out, _ = vaerun("one", "evaluation.points=6", "evaluation.num_samples=3")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("one  (best.pt, step ")
    assert lines[1] == "  digits (static), 6 points"
    (bound,) = [line for line in lines if line.split()[0] == "iwae_3/test"]
    assert " ± " in bound
    assert bound.endswith("lower bound on mean log p(x), K = 3")
    assert not any("_se/" in line for line in lines)


def test_several_runs_end_with_a_row_for_each(vaerun: Call) -> None:
    code, out, _ = vaerun("one", "two", "evaluation.points=6", "evaluation.num_samples=3")
    assert code == 0
    *_, header, one, two = out.splitlines()
    assert header.split() == ["elbo", "iwae_3"]
    assert (one.split()[-1], two.split()[-1]) == ("one", "two")
    assert "different data" not in out
    _, out, _ = vaerun("one", "other", "evaluation.points=6", "evaluation.num_samples=3")
    assert "different data" in out.splitlines()[-1]


def test_a_run_that_cannot_be_evaluated_does_not_stop_the_others(vaerun: Call, root: Path, tmp_path: Path) -> None:
    for name in ("begun", "one", "two"):
        shutil.copytree(root / ("one" if name == "begun" else name), tmp_path / name)
    for file in (tmp_path / "begun" / "checkpoints").iterdir():
        file.unlink()
    folders = [str(tmp_path / name) for name in ("begun", "one", "two")]
    code, out, err = vaerun(*folders, "evaluation.points=5", "--json")
    assert code == 2
    assert [Path(result["run"]).name for result in json.loads(out)] == ["one", "two"]
    first, last = err.splitlines()
    assert first.startswith(f"vaerun: {tmp_path / 'begun'} is left out: ")
    assert last.startswith("vaerun: 1 of 3 runs could not be evaluated, ")
    assert (tmp_path / "two" / "evaluations.jsonl").exists()


def test_rows_of_a_table_bear_names_that_tell_them_apart() -> None:
    one = {"metrics": {"elbo/test": -1.0, "elbo_se/test": 0.5, "kl/test": 2.0}, "data": {"sha256": "a"}}
    other = {"metrics": {"elbo/test": -2.0, "iwae_2/test": -1.5, "iwae_2_se/test": 0.25}, "data": {"sha256": "a"}}
    text = together([{**one, "run": "a/seed0"}, {**other, "run": "b/seed0"}])
    assert text.splitlines() == [
        "test, mean ± standard error over points",
        f"{'elbo':>14}  {'iwae_2':>14}",
        f"-1.000 ± 0.500  {'':14}  a/seed0",
        f"{'':14}  -1.500 ± 0.250  b/seed0",
    ]
    named = together([{**one, "run": "a/seed0"}, {**other, "run": "b/seed1"}])
    assert [line.split()[-1] for line in named.splitlines()[2:]] == ["seed0", "seed1"]


def linked_results(run: Path, tmp_path: Path) -> Path:
    """A copy of a run whose evaluations.jsonl is a link to a file ``victim``."""
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "victim").touch()
    path = tmp_path / "run" / "evaluations.jsonl"
    path.unlink(missing_ok=True)
    path.symlink_to(tmp_path / "victim")
    return tmp_path / "run"


def test_results_are_shown_even_where_they_cannot_be_stored(
    root: Path, vaerun: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ("one", "evaluation.points=6", "evaluation.num_samples=3")
    before = (root / "one" / "evaluations.jsonl").read_bytes() if (root / "one" / "evaluations.jsonl").exists() else b""

    def refuse(path: Path, text: str) -> None:
        if path.is_symlink():
            append_line(path, text)
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    with monkeypatch.context() as patch:
        patch.setattr("vaerun.command.eval.append_line", refuse)
        code, out, err = vaerun(*words)
        assert code == 1
        assert "iwae_3/test" in out
        assert "read-only" in err
        assert "the results of one are not stored: choose another folder with --out" in err
        assert err.count("\n") == 1
        code, out, _ = vaerun(*words, "--json")
        assert code == 1
        assert json.loads(out)
        code, out, err = vaerun("one", "two", *words[1:])
        assert code == 1
        assert "test, mean ± standard error over points" in out
        for run, line in zip(("one", "two"), err.splitlines(), strict=True):
            assert f"the results of {run} are not stored" in line
        linked = str(linked_results(root / "one", tmp_path))
        for runs, expected in ((("one", linked), 2), ((linked, "one"), 1)):  # two reasons, each of them said
            code, out, err = vaerun(*runs, *words[1:])
            assert code == expected
            assert err.count("\n") == 2
            assert "the results of one are not stored" in err
            assert "it could lead out of the run directory" in err
    code, out, err = vaerun(*words, "--out", str(tmp_path / "elsewhere"))
    assert (code, err) == (0, "")
    assert json.loads((tmp_path / "elsewhere" / "evaluations.jsonl").read_text())["run"] == "one"
    after = (root / "one" / "evaluations.jsonl").read_bytes() if (root / "one" / "evaluations.jsonl").exists() else b""
    assert before == after


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_computed(vaerun: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, out, err = vaerun("one", "evaluation.points=6", "--out", str(tmp_path / "file"))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "choose another folder with --out" in err


def test_a_line_that_was_changed_is_left_out_of_the_comparison(
    root: Path, vaerun: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root / "two", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert cli.dispatch(["eval", "run", "evaluation=marginal", "evaluation.points=6", "evaluation.num_samples=50"]) == 0
    path = tmp_path / "run" / "evaluations.jsonl"
    capsys.readouterr()
    for text, said in ((path.read_text(), False), (path.read_text().replace('"points": 6', '"points": 7'), True)):
        path.write_text(text)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            read_recorded(tmp_path / "run", lambda sentence: warnings.warn(sentence, stacklevel=1))
        assert any("was changed" in str(warning.message) for warning in caught) == said


def test_json_is_whole_when_a_result_cannot_be_stored_safely(vaerun: Call, root: Path, tmp_path: Path) -> None:
    run = linked_results(root / "one", tmp_path)
    code, out, err = vaerun(str(run), "evaluation.points=5", "--json")
    assert code == 2
    assert json.loads(out)[0]["metrics"]
    assert err.startswith("vaerun: ")
    assert err.count("\n") == 1
    assert (tmp_path / "victim").read_bytes() == b""


def test_a_bound_that_overflows_is_null_in_json_and_one_sentence(
    vaerun: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    np.savez(tmp_path / "known.npz", x=points)
    np.savez(tmp_path / "large.npz", x=points * np.float32(1e30))
    words = ("data=arrays", f"data.path={tmp_path / 'known.npz'}", "model/likelihood=gaussian", "trainer.epochs=1")
    train(tmp_path / "run", *words)
    capsys.readouterr()
    code, out, err = vaerun(str(tmp_path / "run"), f"data.path={tmp_path / 'large.npz'}", "--json")
    assert code == 0
    assert json.loads(out)[0]["metrics"]["elbo/new"] is None
    assert "elbo/new" in err
    assert "not finite in float32" in err
    assert "Traceback" not in err
    (line,) = (tmp_path / "run" / "evaluations.jsonl").read_text().splitlines()
    assert json.loads(line)["metrics"]["elbo/new"] is None
    recorded = read_recorded(tmp_path / "run", pytest.fail)
    assert recorded is not None
    assert "elbo/new" not in recorded.metrics


def test_a_checkpoint_that_is_not_there_leads_to_those_that_are(vaerun: Call) -> None:
    code, _, err = vaerun("one", "--checkpoint", "epoch_3")
    assert code == 2
    assert "epoch_3.pt does not exist. The checkpoints there are best, last: use one of them." in err
