"""``vaerun.train(data=DataFrame)`` trains as ``data=table`` does on a file with the same columns."""

import numpy as np
import pytest
import torch

import vaerun
from tests.runs import TINY
from vaerun.data.table import Table
from vaerun.errors import UserError

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
N = 60
RNG = np.random.default_rng(0)
TABLE = pandas.DataFrame(
    {
        0: RNG.normal(size=N),
        "visits": pandas.array([None if i % 9 == 4 else i % 4 for i in range(N)], dtype="Int64"),
        "city": pandas.Categorical(np.array(["Rome", "Bonn"])[RNG.permutation(N) % 2]),
        "kind": ["u" if i % 2 else None for i in range(N)],
    }
)
WORDS = (*TINY, "model/likelihood=mixed", "data.label=kind", "model.latent_dim=2", "trainer.batch_size=16")


def test_a_frame_is_the_same_data_as_a_file_and_the_run_keeps_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = vaerun.train(*WORDS, data=TABLE, directory="a")
    TABLE.to_csv("t.csv", index=False)
    known = vaerun.train(*WORDS, "data=table", "data.path=t.csv", directory="b")
    sha256 = run.summary["data"]["sha256"]
    assert sha256 == known.summary["data"]["sha256"]
    assert run.summary["metrics"]["elbo/test"] == known.summary["metrics"]["elbo/test"]
    monkeypatch.chdir("/")
    opened = vaerun.load(tmp_path / "a")
    assert opened.data.sha256 == sha256
    assert opened.data.labels == ("u",)


def test_a_run_is_continued_with_the_same_frame_only(tmp_path):
    vaerun.train(*WORDS, data=TABLE, directory=tmp_path / "a")
    written = (tmp_path / "a" / "data.parquet").stat().st_mtime_ns
    vaerun.train(*WORDS, data=TABLE.copy(), directory=tmp_path / "a")
    assert (tmp_path / "a" / "data.parquet").stat().st_mtime_ns == written
    with pytest.raises(UserError, match="holds a run with other data: choose another directory"):
        vaerun.train(*WORDS, data=TABLE.assign(more=range(N)), directory=tmp_path / "a")
    vaerun.train(*TINY, directory=tmp_path / "digits")
    with pytest.raises(UserError, match="holds a run with other data: choose another directory"):
        vaerun.train(*WORDS, data=TABLE, directory=tmp_path / "digits")
    assert not (tmp_path / "digits" / "data.parquet").exists()


@pytest.mark.parametrize(
    ("data", "words", "sentence"),
    [
        (TABLE, ["data=digits"], r"data=DataFrame and the word 'data=digits' both say where the data are"),
        (TABLE, ["data.path=t.csv"], r"the word 'data\.path=t\.csv' both say"),
        (np.zeros((3, 2)), [], r"data must be a pandas\.DataFrame, got ndarray: save an array with numpy\.save"),
        (TABLE.assign(odd=[object()] * N), [], r"the column 'odd' of data must hold numbers or texts"),
        (pandas.concat([TABLE, TABLE], axis=1), [], r"must have its own name, but '0' names several"),
        (TABLE, ["data.lable=kind"], r"data\.lable"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_leaves_nothing(tmp_path, data, words, sentence):
    with pytest.raises(UserError, match=sentence):
        vaerun.train(*TINY, "model/likelihood=mixed", *words, data=data, directory=tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("values", [[1, 2, 10], [0.5, 1.5], [True, False], ["u", "v"]])
def test_a_category_stays_one_whatever_it_holds(tmp_path, values):
    table = pandas.DataFrame({"a": RNG.normal(size=N), "c": pandas.Categorical(np.resize(values, N))})
    run = vaerun.train(*TINY, "model/likelihood=mixed", "model.latent_dim=2", data=table, directory=tmp_path / "a")
    table.to_parquet(tmp_path / "t.parquet")
    for data in (
        run.data,
        Table(path=str(tmp_path / "t.parquet"), memory="read").load(),
        Table(path=str(tmp_path / "t.parquet"), memory="map").load(),
    ):
        assert data.columns[1].kind == "categorical"
        assert len(data.columns[1].categories) == len(values)
    table.assign(c=np.resize(values, N)).to_parquet(tmp_path / "plain.parquet")
    new = [run.read(tmp_path / name).train.x for name in ("t.parquet", "plain.parquet")]
    assert torch.equal(*new)
