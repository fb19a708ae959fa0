"""Typed columns through the whole of vaerun: the log, summary.json, the remedies, and a run that is opened again."""

import re
from pathlib import Path

import numpy as np
import pytest

import vaerun
from tests.runs import train
from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.experiment.columns import far_from_one, outweighing
from vaerun.experiment.load import recorded_info

pandas = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
TABLE = pandas.DataFrame(
    {"a b": RNG.normal(size=80), "n": RNG.poisson(2, 80), "c": np.array(["u", "v", "w"])[np.arange(80) % 3]}
)


@pytest.fixture
def table(tmp_path):
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    return ("data=table", f"data.path={tmp_path / 't.csv'}")


def test_types_are_logged_and_recorded_and_the_run_opens_again(tmp_path, table, caplog):
    caplog.set_level("INFO", "vaerun")
    found = train(tmp_path / "run", *table, "model/likelihood=mixed")
    assert "column  type         values" in caplog.text
    assert "c       categorical  u, v, w" in caplog.text
    assert [(c["name"], c["kind"]) for c in found["data"]["columns"]] == [
        ("a b", "real"),
        ("n", "count"),
        ("c", "categorical"),
    ]
    run = vaerun.load(tmp_path / "run")
    assert run.data_info.columns == run.data.columns
    x = run.data.test.points()
    assert run.elbo(x).values.isfinite().all()
    sampled = run.sample(50)
    assert set(sampled[:, 2].tolist()) <= {0.0, 1.0, 2.0}
    assert (sampled[:, 1] == sampled[:, 1].round()).all()


def test_damaged_columns_are_not_believed(tmp_path, table):
    summary = train(tmp_path / "run", *table, "model/likelihood=mixed")
    assert recorded_info(summary) is not None
    for key, value in (("kind", "reel"), ("std", 0.0), ("mean", "3"), ("shares", 1), ("name", None)):
        wrong = {**summary, "data": {**summary["data"], "columns": [dict(c) for c in summary["data"]["columns"]]}}
        wrong["data"]["columns"][0][key] = value
        assert recorded_info(wrong) is None


def test_a_bound_of_standardised_data_is_in_nats_of_the_data_as_given(tmp_path):
    """In other units, the bound of every point moves by the logarithm of the factor, and by nothing else."""
    x, means = RNG.normal(size=(80, 2)), []
    for factor in (1.0, 1000.0):
        np.savez(tmp_path / "x.npz", x=factor * x)
        words = ("data=arrays", f"data.path={tmp_path / 'x.npz'}", "data.standardise=true")
        found = train(tmp_path / f"run{factor}", *words, "model/likelihood=diagonal_gaussian")
        means.append(found["metrics"]["elbo/test"])
    assert means[0] - means[1] == pytest.approx(2 * np.log(1000), abs=1e-2)


def test_choices_that_do_not_fit_typed_columns_are_refused(tmp_path, table):
    with pytest.raises(UserError, match=r"has columns of several types\. Use model/likelihood=mixed"):
        train(tmp_path / "a", *table)
    with pytest.raises(UserError, match=r"vamp needs columns of real numbers, .* the column 'n' is count"):
        train(tmp_path / "b", *table, "model/likelihood=mixed", "model/prior=vamp")
    with pytest.raises(UserError, match="mixed needs columns with types"):
        train(tmp_path / "c", "model/likelihood=mixed")
    noise = ("data.columns=[n]", "data.real=n", "data.dequantise=true", "model/likelihood=gaussian")
    with pytest.raises(UserError, match=r"stores one φ .* data\.dequantise=true draws new noise at each visit"):
        train(tmp_path / "d", *table, *noise, "strategy=joint")


def test_discrete_columns_are_named_and_the_remedy_works(tmp_path, table):
    words = (*table, "data.columns=[n]", "data.real=n", "model/likelihood=gaussian")
    (said,) = train(tmp_path / "a", *words)["warnings"]
    assert said.startswith("the column 'n' takes few different values under a density: the ELBO has no upper bound")
    assert "data.dequantise=true" in said
    assert train(tmp_path / "b", *words, "data.dequantise=true")["warnings"] == []


def test_a_column_that_outweighs_the_rest_is_named():
    x = RNG.normal(size=(50, 3)) * np.array([1, 50, 1])
    (said,) = outweighing(Dataset.of(x), keys=("standardise",))
    assert said.startswith("the column 1 (from 0) has 99.9")
    assert said.endswith("use data.standardise=true.")
    assert not list(outweighing(Dataset.of(x / x.std(0)), keys=()))


@pytest.mark.parametrize(("std", "said"), [(0.01, True), (0.15, True), (0.3, False), (8, False), (30, True)])
def test_a_unit_in_which_networks_learn_badly_is_named(std: float, said: bool) -> None:
    x = 5 + std * RNG.normal(size=(300, 3))
    found = list(far_from_one(Dataset.of(x), keys=("standardise",)))
    assert len(found) == said
    for sentence in found:
        named = re.match(r"x has a standard deviation of (\S+), and networks", sentence)
        assert named is not None
        assert float(named[1]) == pytest.approx(std, rel=0.1)
        assert sentence.endswith("use data.standardise=true.")
    of_images = list(far_from_one(Dataset.of(x.reshape(100, 3, 3)), keys=("standardise",)))
    assert [sentence.endswith("by data.scale.") for sentence in of_images] == [True] * said


def test_the_remedy_for_the_unit_works(tmp_path: Path) -> None:
    x = RNG.normal(size=(300, 1)) @ [[1.0, 2.0, 3.0]] + 0.1 * RNG.normal(size=(300, 3))
    np.save(tmp_path / "x.npy", (0.01 * x).astype("float32"))
    words = ("data=arrays", f"data.path={tmp_path / 'x.npy'}", "model/likelihood=gaussian", "trainer.epochs=20")
    here = train(tmp_path / "a", *words)
    there = train(tmp_path / "b", *words, "data.standardise=true")
    assert len(here["warnings"]) == 1
    assert there["warnings"] == []
    assert there["metrics"]["elbo/test"] > here["metrics"]["elbo/test"] + 1
