"""data.condition names columns of a table: c is standardised or one-hot, and users speak in the units of the file."""

import re
from typing import Any

import numpy as np
import pytest
import torch

import vaerun
from tests.runs import summary, train
from vaerun.data.condition import Condition
from vaerun.data.table import Table
from vaerun.errors import UserError

pandas = pytest.importorskip("pandas")
N = 80
RNG = np.random.default_rng(0)
PEOPLE = pandas.DataFrame(
    {
        "age": RNG.uniform(20, 80, N).round(1),
        "sex": np.array(["female", "male"])[RNG.permutation(N) % 2],
        "smoker": RNG.permutation(N) % 2,
        "height": 170 + 10 * RNG.normal(size=N),
        "weight": 70 + 10 * RNG.normal(size=N),
        "group": np.array(["u", "v"])[RNG.permutation(N) % 2],
    }
)


def tabulate(table: Any = PEOPLE, **keys: Any):
    return Table(**{"path": "t", "label": "group", "condition": ["sex", "smoker", "age"], **keys}).tabulate(table)


def test_covariates_are_one_hot_or_standardised_by_the_training_points_and_not_in_x():
    data = tabulate()
    assert data.given == ("age", "sex=female", "sex=male", "smoker=0", "smoker=1")
    assert [column.name for column in data.columns] == ["height", "weight"]
    assert data.train.points().shape == (64, 7)
    age = data.train.given[:, 0].double()
    assert (float(age.mean()), float(age.std(correction=0))) == pytest.approx((0, 1), abs=1e-6)
    for split in (data.train, data.valid, data.test):
        own = PEOPLE.iloc[split.source_rows.tolist()]
        assert split.given[:, 2].tolist() == (own["sex"] == "male").tolist()
        assert split.given[:, 3].tolist() == (own["smoker"] == 0).tolist()
        torch.testing.assert_close(split.points()[:, 2:], split.given)
        # a user gives the units of the file: every row of the data is found again
        condition = {name: own[name].to_numpy() for name in ("age", "sex", "smoker")}
        torch.testing.assert_close(Condition(data.given, data.covariates).rows(condition, len(own)), split.given)


def test_scales_do_not_depend_on_units_nor_on_held_out_points():
    data, months = tabulate(), tabulate(PEOPLE.assign(age=12 * PEOPLE["age"] + 3))
    torch.testing.assert_close(data.test.given, months.test.given, atol=1e-5, rtol=0)
    age = PEOPLE["age"].to_numpy().copy()
    age[data.test.source_rows.numpy()] += 100
    moved = tabulate(PEOPLE.assign(age=age))
    assert torch.equal(moved.train.given, data.train.given)
    assert moved.covariates[0].std == data.covariates[0].std
    assert moved.sha256 != data.sha256


def test_the_label_can_be_one_of_several_conditions():
    data = tabulate(condition=["y", "age"])
    assert data.given == ("y=u", "y=v", "age")
    assert torch.equal(data.train.given[:, :2].argmax(1), data.train.labels)
    assert [column.name for column in data.columns] == ["sex", "smoker", "height", "weight"]
    known = Condition(data.given, data.covariates)
    assert known.parse("y=v,age=40") == {"y": "v", "age": "40"}
    assert known.words(known.rows({"y": "v", "age": 40}, 1)[0]) == "y=v, age=40"
    assert tabulate(condition="group").given == ("group=u", "group=v")
    assert tabulate(condition="y").given == ("y=u", "y=v")


def test_numbers_can_be_declared_names():
    data = tabulate(PEOPLE.assign(zip_code=RNG.permutation(N) % 3 + 10), condition="zip_code", categorical=["zip_code"])
    assert data.given == ("zip_code=10", "zip_code=11", "zip_code=12")
    assert Condition(data.given, data.covariates).rows({"zip_code": 11.0}, 1).tolist() == [[0, 1, 0]]


def test_new_files_and_samples_use_the_recorded_scale(tmp_path):
    PEOPLE.to_csv(tmp_path / "t.csv", index=False)
    words = ("data=table", f"data.path={tmp_path / 't.csv'}", "data.label=group", "data.condition=[age,sex]")
    train(tmp_path / "run", *words, "model/likelihood=mixed", "trainer.epochs=1", "trainer.batch_size=8")
    run = vaerun.load(tmp_path / "run")
    assert run.summary["about"]["elbo"]["meaning"] == "lower bound on mean log p(x given age and sex)"
    assert [column["name"] for column in summary(tmp_path / "run")["data"]["covariates"]] == ["age", "sex"]
    row = int(run.data.test.source_rows[0])
    PEOPLE.iloc[[row]].to_csv(tmp_path / "one.csv", index=False)
    new = run.read(tmp_path / "one.csv")
    assert new.given == run.data.given
    torch.testing.assert_close(new.new.points()[0], run.data.test.points()[0])
    given = {"age": PEOPLE["age"][row], "sex": PEOPLE["sex"][row]}
    torch.manual_seed(0)
    drawn = run.sample(3, condition=given)
    torch.manual_seed(0)
    torch.testing.assert_close(drawn, run.strategy.bound.model.sample(3, new.new.given.expand(3, -1)))
    for name, table, sentence in (
        ("other", PEOPLE.assign(sex="mail"), "the column 'sex' has the value mail, but the run was trained on the v"),
        ("two", PEOPLE.assign(smoker=2), "the column 'smoker' must hold 0 and 1, got 2"),
        ("hole", PEOPLE.assign(age=PEOPLE["age"].where(PEOPLE.index != 3)), "1 of 80 rows has none, the first is row"),
        ("none", PEOPLE.drop(columns="age"), "must have the column 'age', as the training data"),
    ):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        with pytest.raises(UserError, match=sentence):
            run.read(tmp_path / f"{name}.csv")


def test_an_unseen_category_of_a_covariate_is_said():
    rare = PEOPLE.assign(sex=["other", *PEOPLE["sex"][1:]])
    for seed in range(20):
        data = tabulate(rare, split_seed=seed)
        unseen = 0 not in data.train.source_rows
        assert ("no training point has the category 'other' of the column 'sex'" in str(data.warnings)) == unseen


@pytest.mark.parametrize(
    ("table", "keys", "sentence"),
    [
        (PEOPLE, {"condition": "agee"}, "names the column 'agee', but the columns are age, .* Did you mean 'age'"),
        (
            PEOPLE.assign(age=[None, *PEOPLE["age"][1:]]),
            {},
            "1 of 80 rows has none, the first is row 0 .from",
        ),
        (
            PEOPLE.assign(age=1),
            {},
            "age needs a column with at least two different values, but all are 1",
        ),
        (PEOPLE, {"condition": "age", "index": "age"}, "but data.index names it, too"),
        (PEOPLE.assign(y=1), {"condition": "y"}, "the table has a column y that is not the label: rename this column"),
        (PEOPLE.assign(y=1), {"condition": "y", "label": None}, "not the label: use data.label=y"),
        (PEOPLE, {"condition": "y", "label": None}, "data.condition=y needs a label for every point"),
        (PEOPLE.rename(columns={"age": "a=b"}), {"condition": "a=b"}, "give the column a name without ="),
        (
            PEOPLE.assign(sex=[f"s{i}" for i in range(N)]),
            {},
            "at most 50 different texts, got 80: use .*categorical",
        ),
        (PEOPLE, {"condition": ["age", "sex"], "columns": ["age"]}, "must leave at least one column for x"),
    ],
)
def test_what_cannot_be_a_covariate_is_one_sentence(table, keys, sentence):
    with pytest.raises(UserError, match=sentence) as raised:
        tabulate(table, **keys)
    assert re.search(r"[:.] ", str(raised.value))
