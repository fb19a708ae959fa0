"""data=table: columns, their types, splits, labels and names, and one sentence for what cannot be used."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from vaerun.data.split import Dequantised
from vaerun.data.table import Table
from vaerun.errors import UserError

pandas = pytest.importorskip("pandas")
N = 60
RNG = np.random.default_rng(0)
PEOPLE = pandas.DataFrame(
    {
        "name": [f"p{i}" for i in range(N)],
        "height": 170 + 10 * RNG.normal(size=N),
        "income": np.exp(8 + 2 * RNG.normal(size=N)),
        "visits": RNG.permutation(N) % 4,
        "smoker": RNG.permutation(N) % 2,
        "city": np.array(["Rome", "Bonn", "Oslo"])[RNG.permutation(N) % 3],
        "group": np.array(["u", "v"])[RNG.permutation(N) % 2],
    }
)


@pytest.fixture
def load(tmp_path):
    def load(table: Any = PEOPLE, **keys: Any):
        path = tmp_path / "t.csv"
        table.to_csv(path, index=False)
        return Table(path=str(path), **keys).load()

    return load


def test_types_are_inferred_and_x_is_in_the_units_of_the_file(load):
    data = load(index="name", label="group")
    assert [(c.name, c.kind) for c in data.columns] == [
        ("height", "real"),
        ("income", "positive"),
        ("visits", "count"),
        ("smoker", "binary"),
        ("city", "categorical"),
    ]
    assert (data.support, data.shape, data.missing, data.labels) == ("mixed", (5,), False, ("u", "v"))
    for split in (data.train, data.valid, data.test):
        assert split.source_rows is not None
        own = PEOPLE.iloc[split.source_rows.tolist()]
        np.testing.assert_allclose(split.points()[:, 0], own["height"], rtol=1e-6)
        assert [data.columns[4].categories[int(code)] for code in split.x[:, 4]] == own["city"].tolist()
        assert [data.labels[number] for number in split.labels] == own["group"].tolist()
        assert [data.names[row] for row in split.source_rows] == own["name"].tolist()


def test_moments_are_those_of_the_training_points_in_the_scale_of_the_type(load):
    data = load(index="name")
    own = PEOPLE.iloc[data.train.source_rows.tolist()]
    height, income, visits, _, city, _ = data.columns
    assert (height.mean, height.std) == pytest.approx((own["height"].mean(), own["height"].std(ddof=0)))
    assert (income.mean, income.std) == pytest.approx((np.log(own["income"]).mean(), np.log(own["income"]).std(ddof=0)))
    assert visits.mean == pytest.approx(np.log1p(own["visits"]).mean())
    assert city.shares == pytest.approx([(own["city"] == name).mean() for name in ("Bonn", "Oslo", "Rome")])


def test_columns_are_chosen_by_name_and_pattern_and_types_are_overridden(load):
    data = load(columns=["h*", "visits", "smoker"], drop="sm*", real=["vis*"], positive="height")
    assert [(c.name, c.kind, c.standardised) for c in data.columns] == [
        ("height", "positive", True),
        ("visits", "real", True),
    ]
    assert load(columns=["height"]).support == "real"
    assert load(columns=["smoker"]).support == "binary"
    assert load(columns=["visits"]).support == "count"
    assert not load(columns=["height"], standardise=False).columns[0].standardised


def test_an_empty_cell_is_missing_in_every_type(load):
    holes = PEOPLE.drop(columns="name").astype(object)
    for place, column in enumerate(holes.columns):
        holes.iloc[place, place] = None
        assert holes[column].isna().sum() == 1
    data = load(holes, label="group")
    assert data.missing
    assert [c.missing for c in data.columns] == [1] * 5
    kinds = ["real", "positive", "count", "binary", "categorical"]
    assert [c.kind for c in data.columns] == kinds
    rows = torch.cat([data.train.x, data.valid.x, data.test.x])
    assert rows.isnan().sum(0).tolist() == [1] * 5
    assert sum(int((split.labels == -1).sum()) for split in (data.train, data.valid, data.test)) == 1


def test_a_split_column_decides_the_split(load):
    words = np.array(["test"] * 5 + ["valid"] * 5 + ["train"] * 50)
    data = load(PEOPLE.assign(part=words), index="name", split="part")
    assert data.train.source_rows.tolist() == list(range(10, 60))
    assert data.test.source_rows.tolist() == list(range(5))
    with pytest.raises(UserError, match=r"holds 'tset' in row 0 \(from 0\).*Did you mean 'test'\?"):
        load(PEOPLE.assign(part=np.where(words == "test", "tset", words)), split="part")


@pytest.mark.parametrize("split", [True, False])
def test_rows_that_are_in_train_and_in_a_held_out_split_are_said_and_kept(load, split):
    rng = np.random.default_rng(0)
    table = pandas.DataFrame(rng.normal(size=(60, 3)).round(3), columns=["a", "b", "c"])
    if split:
        table["split"] = ["train"] * 40 + ["valid"] * 10 + ["test"] * 10
        table.iloc[50:54, :3] = table.iloc[0:4, :3].to_numpy()
        data = load(table, split="split")
        said = "4 of the 10 test points also occur in train"
        remedy = "remove the repeated rows from the table."
    else:
        data = load(pandas.concat([table, table]))
        said = "test points also occur in train"
        remedy = "or put equal rows into one split by a column that data.split names."
    (sentence,) = [warning for warning in data.warnings if said in warning]
    assert sentence.endswith(remedy)
    assert sum(map(len, (data.train, data.valid, data.test))) == (60 if split else 120)


def test_equal_rows_of_a_few_categories_are_no_copies(load):
    rng = np.random.default_rng(0)
    data = load(pandas.DataFrame({"a": rng.choice(["x", "y"], 100), "b": rng.choice(["u", "v", "w"], 100)}))
    assert not [warning for warning in data.warnings if "also occur" in warning]


UNITS = {
    "kg": ["12.3 kg", "8 kg", "70.5 kg", "n/a"],
    "percent": ["5%", "17.5%", "100 %", "low"],
    "euro": ["€ 5", "€7.50", "€1,200", "free"],
}
NO_UNITS = {
    "place": ["1st", "2nd", "3rd", "4th"],
    "flat": ["3a", "3b", "4c", "4d"],
    "code": ["A1", "B2", "C3", "D4"],
    "range": ["0-9", "10-19", "20-29", "30-39"],
}


@pytest.mark.parametrize("name", UNITS)
def test_numbers_with_a_unit_that_become_a_category_are_said(load, name):
    table = pandas.DataFrame({name: UNITS[name] * 10, "b": np.random.default_rng(0).normal(size=40)})
    (sentence,) = load(table).warnings
    assert f"the column {name!r} was taken for a category of 4 texts, but" in sentence
    assert any(repr(text) in sentence for text in UNITS[name][:3])
    assert sentence.endswith(f"take the unit out of the column, or use data.categorical=[{name}] if it is one.")
    assert not load(table, categorical=[name]).warnings
    (said,) = load(table, columns=["b"], condition=[name]).warnings
    assert said == sentence


@pytest.mark.parametrize("name", NO_UNITS)
def test_texts_with_digits_that_are_names_are_categories(load, name):
    table = pandas.DataFrame({name: NO_UNITS[name] * 10, "b": np.random.default_rng(0).normal(size=40)})
    assert not load(table).warnings


def test_a_category_of_a_dataframe_is_declared():
    column = pandas.Categorical(UNITS["kg"] * 10)
    table = pandas.DataFrame({"kg": column, "b": np.random.default_rng(0).normal(size=40)})
    assert not Table(path="t.csv").tabulate(table).warnings


def test_parquet_tsv_and_a_dataframe_are_the_same_data(load, tmp_path):
    pytest.importorskip("pyarrow")
    known = load(index="name").sha256
    PEOPLE.to_parquet(tmp_path / "t.parquet")
    PEOPLE.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    for name in ("t.parquet", "t.tsv"):
        assert Table(path=str(tmp_path / name), index="name").load().sha256 == known
    assert Table(path="frame", index="name").tabulate(PEOPLE).sha256 == known


def test_noise_is_as_wide_as_the_grid_and_drawn_once_for_held_out_points(load):
    rough = PEOPLE[["height", "smoker"]].round({"height": 1})
    data = load(rough, dequantise=True)
    assert [c.width for c in data.columns] == [pytest.approx(0.1), 0.0]
    assert isinstance(data.train.rule, Dequantised)
    visits = torch.stack([data.train.points() for _ in range(2000)]) - data.train.x
    assert (visits[..., 0].min(), visits[..., 0].max()) == (pytest.approx(0, abs=2e-3), pytest.approx(0.1, abs=2e-3))
    assert bool((visits[..., 1] == 0).all())
    mean, square = data.train.rule.moments(data.train.x)
    torch.testing.assert_close((data.train.x + visits.mean(0)).double(), mean, rtol=0, atol=3e-3)
    assert square[0, 0] - mean[0, 0].square() == pytest.approx(0.01 / 12, rel=1e-3)
    assert torch.equal(data.test.points(), data.test.points())
    assert not torch.equal(data.test.x, load(rough, dequantise=True, dequantise_seed=1).test.x)
    assert torch.equal(data.test.x, load(rough, dequantise=True).test.x)


SECONDS = PEOPLE[["height"]].assign(t=1.7e9 + np.arange(N))
RARE = PEOPLE[["height"]].assign(kind=["a"] * (N - 1) + ["b"])


def test_merged_values_and_unseen_categories_are_said(load):
    (said,) = load(SECONDS).warnings
    assert re.match(r"float32 rounds the column 't' by up to \d+, which leaves \d+ of its 60 different values", said)
    for seed in range(20):
        data = load(RARE, split_seed=seed)
        unseen = data.columns[1].shares[1] == 0
        assert (len(data.warnings) == 1) == unseen
        assert not unseen or data.warnings[0].startswith("no training point has the category 'b' of the column 'kind'")


DATES = [f"2024-01-{1 + i % 4:02}" for i in range(N)]


def test_positive_values_without_a_logarithm_in_float32_are_said(load):
    p = 10.0 ** -np.arange(N)
    (said,) = load(PEOPLE[["height"]].assign(p=p)).warnings
    assert said.startswith("22 values of the positive column 'p' below 1.2e-38, down to 1e-59, cannot be told apart")
    assert not load(PEOPLE[["height"]].assign(p=np.log(p))).warnings


@pytest.mark.parametrize(
    ("column", "keys", "sentence"),
    [
        (["same"] * N, {}, "has the value same in every row, .*: leave it out, data.drop=[odd]"),
        ([None] * N, {}, "has no value in any row: leave it out, data.drop=[odd]"),
        ([f"t{i}" for i in range(N)], {}, "has 60 different texts, more than the 50"),
        ([f"{i},5" for i in range(N)], {}, "holds numbers with a comma, such as '0,5': leave it out"),
        (
            [f"1,{i:03},0.5" for i in range(N)],
            {},
            "holds numbers with a comma, .*write the numbers with a decimal point",
        ),
        (["1.5"] * (N - 1) + ["?"], {}, None),
        (
            DATES,
            {},
            "holds dates or times, such as '2024-01-01': leave .*data.categorical=[odd], or write a date",
        ),
        (["2024-01-05T10:00"] + ["05/01/2024"] * (N - 2) + ["unknown"], {}, "holds dates or times"),
        (["2024-01-05"] + ["unknown", "never"] * 29 + ["later"], {}, None),
        (DATES, {"categorical": "odd"}, None),
        (DATES, {"label": "odd"}, None),
        (DATES, {"condition": "odd"}, "data.condition=odd cannot be used, .* leave it out of data.condition, or use"),
        ([str(i) for i in range(N - 1)] + ["?"], {}, "holds numbers and also the text '?': write an empty cell"),
        ([math.inf, *range(N - 1)], {}, "must be finite, but the column 'odd' holds inf in row 0"),
        ([1e39, *range(N - 1)], {}, "must fit into float32, but the column 'odd'"),
        (1e-300 * RNG.normal(size=N), {}, "numbers below 1.2e-38 are 0, .*'odd' .*: write it in another unit, or"),
        (1e-40 * RNG.normal(size=N), {}, "numbers below 1.2e-38 are 0, .*'odd' .*: write it in another unit, or"),
        (1e-300 * np.exp(3 * RNG.normal(size=N)), {}, "numbers below 1.2e-38 are 0"),
        (1e-30 * RNG.normal(size=N), {}, None),
        ([-1.0, *range(N - 1)], {"positive": "odd"}, "data.positive needs numbers above 0, .* holds -1 in row 0"),
        ([0.5, *range(N - 1)], {"count": "odd"}, "whole numbers of at least 0, .* holds 0.5 in row 0"),
        ([2.0, *range(N - 1)], {"binary": "odd"}, "two different values, but the column 'odd' has 59"),
        ([f"{i}_0" for i in range(N)], {}, "numbers that are written as texts, such as '0_0': save it as numbers"),
        ([f"{i}_0" for i in range(N)], {"real": "odd"}, "numbers that are written as texts, such as '0_0'"),
        ([f"t{i}" for i in range(N)], {"real": "odd"}, "data.real needs numbers, .* holds the text 't0' in row 0"),
    ],
)
def test_a_column_that_cannot_be_used_is_one_sentence(load, column, keys, sentence):
    table = PEOPLE[["height"]].assign(odd=column)
    if sentence is None:
        load(table, **keys)
        return
    with pytest.raises(UserError, match=sentence.replace("[", r"\[").replace("]", r"\]").replace("?", r"\?")):
        load(table, **keys)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"label": "grup"}, r"data\.label names the column 'grup', .*Did you mean 'group'\?"),
        ({"columns": ["z*"]}, r"data\.columns names the column 'z\*', but the columns are name"),
        ({"columns": ["height"], "count": "visits"}, r"data\.count names the column 'visits', but the columns of x"),
        ({"real": "height", "positive": "h*"}, r"data\.real and data\.positive both name 'height'"),
        ({"columns": ["height"], "drop": "height"}, r"none is left: name other columns"),
        ({"columns": ["height"], "dequantise": True}, r"data\.dequantise=true needs a real or positive column"),
    ],
)
def test_keys_that_name_no_column_are_one_sentence(load, keys, sentence):
    with pytest.raises(UserError, match=sentence):
        load(**keys)


def test_all_columns_that_cannot_be_used_are_named_at_once_with_a_remedy_that_works(load):
    table = PEOPLE[["height", "income"]].assign(
        **{"a b": 1.0, "id": [f"n{i}" for i in range(N)], "empty": None, "cost": [f"{i},5" for i in range(N)]}
    )
    for dropped in (None, ["income"]):
        with pytest.raises(UserError) as refused:
            load(table, drop=dropped)
        sentence = str(refused.value)
        parts = ("'a b' has the value 1 in every row", "'id' has 60", "'empty' has no value", "'cost' holds numbers")
        assert all(part in sentence for part in parts)
        assert sentence.endswith("or write the numbers with a decimal point and without other marks.")
        (typed,) = re.findall(r"'data\.drop=(\[.*\])'", sentence)
        names = yaml.safe_load(typed)
        assert names == [*(dropped or []), "a b", "id", "empty", "cost"]
        assert len(load(table, drop=names).columns) == (2 if dropped is None else 1)


def test_a_remedy_keeps_the_columns_that_are_dropped_already(load):
    table = PEOPLE[["height", "income"]].assign(same=1.0)
    with pytest.raises(UserError, match=r"leave it out, data\.drop=\[same\]"):
        load(table)
    with pytest.raises(UserError, match=r"Leave it out, data\.drop=\[income,same\]"):
        load(table, drop="income")


def test_a_name_that_the_shell_would_split_is_quoted_in_the_remedy(load):
    with pytest.raises(UserError, match=re.escape("""leave it out, 'data.drop=["x, (cm)"]'.""")):
        load(PEOPLE[["height"]].assign(**{"x, (cm)": "v"}))


LARGE = 2**60


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64"])
def test_whole_numbers_that_float64_merges_are_refused_with_the_reason_and_a_remedy_that_works(load, dtype):
    table = PEOPLE[["height"]].assign(id=pandas.Series(LARGE + np.arange(N), dtype=dtype))
    with pytest.raises(UserError) as refused:
        Table(path="t.parquet").tabulate(table)
    said = f"holds whole numbers from {LARGE} to {LARGE + N - 1}, whose differences float64 does not hold: leave it out"
    assert said in str(refused.value)
    assert str(refused.value).endswith(f"data.drop=[id], or subtract its smallest value {LARGE} in the file.")
    assert len(load(table, drop="id").columns) == 1
    assert load(table.assign(id=table["id"] - LARGE)).columns[1].high == N - 1
    with pytest.raises(UserError, match=r"in every row, as float64 holds it, .* subtract an offset"):
        load(table, real="id")


def test_whole_numbers_too_far_apart_to_subtract_are_left_out(load):
    table = PEOPLE[["height"]].assign(id=[str(10**30 + 10**25 * i) for i in range(N)])
    with pytest.raises(UserError, match=r"differences float64 does not hold: leave it out, data\.drop=\[id\]\.$"):
        load(table)


def test_a_large_number_in_every_row_is_written_as_in_the_file(load):
    with pytest.raises(UserError, match=f"has the value {LARGE + 1} in every row, so it has"):
        load(PEOPLE[["height"]].assign(id=LARGE + 1))


def test_large_whole_numbers_with_larger_differences_are_numbers(load):
    data = load(PEOPLE[["height"]].assign(t=LARGE + LARGE // N * np.arange(N)))
    assert (data.columns[1].kind, data.warnings) == ("real", ())


@pytest.mark.parametrize("role", ["label", "index", "categorical"])
@pytest.mark.parametrize("first", [LARGE, 10**15 + 1])
def test_classes_and_names_that_are_large_numbers_stay_as_they_are(load, role, first):
    numbers = first + np.arange(N) % 3
    data = load(PEOPLE[["height", "income"]].assign(id=numbers), **{role: "id"})
    names = {"label": data.labels, "index": data.names, "categorical": data.columns[-1].categories}[role]
    assert list(names) == [str(number) for number in (numbers if role == "index" else numbers[:3])]


@pytest.mark.parametrize("values", [[3, 1, 2], [1, 0, 1], [0.5, 1.5, 2.0], [True, False, True], ["1", "2", "10"]])
@pytest.mark.parametrize("gap", [False, True])
def test_the_dtype_category_is_categorical_whatever_it_holds(values, gap):
    codes = pandas.Series(np.resize(values, N)).astype("category")
    if gap:
        codes.iloc[7] = np.nan
    (column,) = Table(path="t.csv", columns=["odd"]).tabulate(PEOPLE.assign(odd=codes)).columns
    assert (column.kind, column.missing) == ("categorical", int(gap))
    assert sorted(column.categories) == sorted({f"{value:g}" if type(value) is not str else value for value in values})


def test_a_category_of_many_numbers_is_refused_and_another_type_can_be_declared():
    table = PEOPLE.assign(odd=pandas.Series(np.arange(N)).astype("category"))
    with pytest.raises(UserError, match=r"has 60 different values, more than the 50 .*data\.categorical=\[odd\]"):
        Table(path="t.csv", columns=["odd"]).tabulate(table)
    for kind in ("count", "categorical"):
        assert Table(path="t.csv", columns=["odd"], **{kind: "odd"}).tabulate(table).columns[0].kind == kind
