import numpy as np
import pytest
import torch

from vaerun.data import h5ad_rows
from vaerun.data.anndata import AnnData
from vaerun.data.mapped import MappedRows
from vaerun.errors import UserError

anndata = pytest.importorskip("anndata")
pd = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")

N, X = 30, 4
COUNTS = np.random.default_rng(0).poisson(3.0, (N, X)).astype("f4")


def write(path, counts=COUNTS, **columns):
    obs = pd.DataFrame(columns, index=[f"cell{i}" for i in range(N)])
    cells = anndata.AnnData(np.log1p(COUNTS) - 0.5, obs=obs)
    cells.layers["counts"] = counts
    cells.write_h5ad(path)
    return str(path)


def rows(dataset):
    """All points in the order of the file."""
    parts = (dataset.train, dataset.valid, dataset.test)
    order = torch.cat([part.source_rows for part in parts]).argsort()
    return torch.cat([part.x for part in parts])[order]


@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_a_layer_is_read_as_it_is_dense_or_sparse(tmp_path, layout):
    dataset = AnnData(path=write(tmp_path / "a.h5ad", layout(COUNTS)), layer="counts").load()
    assert torch.equal(rows(dataset).float(), torch.from_numpy(COUNTS))
    assert (dataset.name, dataset.shape, dataset.support) == ("a.h5ad", (X,), "count")
    assert dataset.train.x.dtype == torch.uint8
    assert dataset.names == tuple(f"cell{i}" for i in range(N))


def test_without_a_layer_it_is_x(tmp_path):
    dataset = AnnData(path=write(tmp_path / "a.h5ad")).load()
    assert dataset.support == "real"
    assert torch.equal(rows(dataset), torch.from_numpy(np.log1p(COUNTS) - np.float32(0.5)))


@pytest.mark.parametrize(("largest", "kind"), [(255, torch.uint8), (300, torch.int16), (70_000, torch.int32)])
def test_counts_have_the_smallest_type_that_holds_them(tmp_path, largest, kind):
    counts = COUNTS.copy()
    counts[7, 2] = largest
    dataset = AnnData(path=write(tmp_path / "a.h5ad", sparse.csr_matrix(counts)), layer="counts").load()
    assert dataset.train.x.dtype == kind
    assert torch.equal(dataset.train.points(), torch.from_numpy(counts)[dataset.train.source_rows])
    assert float(rows(dataset)[7, 2]) == largest


def test_a_label_is_a_class_and_a_batch_is_given(tmp_path):
    kinds = pd.Categorical([("T", "B", None)[i % 3] for i in range(N)])
    path = write(tmp_path / "a.h5ad", kind=kinds, batch=[i % 2 for i in range(N)])
    dataset = AnnData(path=path, layer="counts", label="kind", batch="batch").load()
    source = dataset.test.source_rows
    assert dataset.labels == ("B", "T")
    assert dataset.test.labels.tolist() == [(1, 0, -1)[i % 3] for i in source.tolist()]
    assert dataset.given == ("batch=0", "batch=1")
    assert torch.equal(dataset.test.points(slice(None))[:, X:].argmax(1), source % 2)


def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path):
    holes = [None if i == 3 else "a" for i in range(N)]
    path = write(tmp_path / "a.h5ad", batch=pd.Categorical(holes))
    (tmp_path / "text.h5ad").write_text("no hdf5")
    with pytest.raises(UserError, match=r"^data.layer=count does not exist .* Did you mean 'counts'\?$"):
        AnnData(path=path, layer="count").load()
    with pytest.raises(UserError, match=r"^data.label=bath is not a column of obs .* Did you mean 'batch'\?$"):
        AnnData(path=path, label="bath").load()
    with pytest.raises(UserError, match=r"must have a value for every point, but 1 of 30"):
        AnnData(path=path, batch="batch").load()
    with pytest.raises(UserError, match=r"text.h5ad cannot be used, .*: give an h5ad file"):
        AnnData(path=str(tmp_path / "text.h5ad")).load()
    with pytest.raises(UserError, match=r"^data.path must name an h5ad file"):
        AnnData()


def test_a_file_cannot_name_another_file_or_write_outside_its_matrix(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = write(tmp_path / "a.h5ad", sparse.csr_matrix(COUNTS))
    with h5py.File(path, "r+") as file:
        file["layers/counts/indices"][0] = 10**6
    with pytest.raises(UserError, match="cannot be used, because it is damaged"):
        AnnData(path=path, layer="counts").load()
    with h5py.File(path, "r+") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("other.h5", "/x")
    with pytest.raises(UserError, match="its X is a link to another file"):
        AnnData(path=path).load()


def test_a_matrix_that_does_not_fit_into_memory_is_refused_before_it_is_dense(tmp_path, monkeypatch):
    path = write(tmp_path / "a.h5ad", sparse.csr_matrix(COUNTS))
    free = COUNTS.size  # enough for a column of the file, and not for the matrix and its parts
    monkeypatch.setattr("vaerun.data.data_file.free_memory", lambda: free)
    with pytest.raises(UserError, match=r"bytes? (of memory|are free)|of memory, and"):
        AnnData(path=path, layer="counts").load()


def test_empty_points_are_told(tmp_path):
    counts = COUNTS.copy()
    counts[[3, 9]] = 0
    (said,) = AnnData(path=write(tmp_path / "a.h5ad", counts), layer="counts").load().warnings
    assert said.startswith("2 points have no count other than 0")


LARGE = {
    "counts": COUNTS,
    "counts above a byte": COUNTS * 100,
    "counts above two bytes": COUNTS * 1e5,
    "real": COUNTS - 2.5,
    "float64": np.random.default_rng(1).normal(size=(N, X)),
    "whole numbers": COUNTS.astype(np.int64),
}


@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("case", LARGE)
def test_mapped_is_read_to_the_bit(tmp_path, monkeypatch, layout, case):
    monkeypatch.setattr(h5ad_rows, "NUMBERS", 7 * X)
    path = write(tmp_path / "a.h5ad", layout(LARGE[case]), kind=["u", "v", "w"] * (N // 3))
    keys = {"path": path, "layer": "counts", "label": "kind", "batch": "kind"}
    read, by_map = (AnnData(**keys, memory=memory).load() for memory in ("read", "map"))
    assert isinstance(read.train.x, torch.Tensor)
    assert isinstance(by_map.train.x, MappedRows)
    assert by_map.train.x.dtype == read.train.x.dtype
    assert by_map.info() == read.info()
    assert (by_map.sha256, by_map.warnings, by_map.names) == (read.sha256, read.warnings, read.names)
    assert torch.equal(by_map.mean(), read.mean())
    assert by_map.std() == read.std()
    for split in ("train", "valid", "test"):
        assert torch.equal(by_map.split(split).points(), read.split(split).points())
    new, mapped_new = (AnnData(**keys, memory=memory).load_new({}) for memory in ("read", "map"))
    assert mapped_new.sha256 == new.sha256


def test_auto_maps_what_takes_more_than_half_of_the_free_memory(tmp_path, monkeypatch):
    path = write(tmp_path / "a.h5ad", sparse.csr_matrix(COUNTS))
    needed = 8 * N * X  # four bytes in the file, and four that are stored
    for free, expected in ((2 * needed, False), (2 * needed - 1, True)):
        monkeypatch.setattr("vaerun.data.mapped.free_memory", lambda free=free: free)
        assert isinstance(AnnData(path=path, layer="counts").load().train.x, MappedRows) == expected


def test_what_is_wrong_is_said_for_mapped_rows_too(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = write(tmp_path / "a.h5ad", sparse.csc_matrix(COUNTS))
    with pytest.raises(UserError, match=r"layers/counts of .* is stored by columns \(CSC\): convert it with tocsr\(\)"):
        AnnData(path=path, layer="counts", memory="map").load()
    counts = COUNTS.copy()
    counts[3] = 0
    counts[7, 1] = np.nan
    with pytest.raises(UserError, match=r"must be finite in float32: remove the rows with nan or infinity"):
        AnnData(path=write(tmp_path / "a.h5ad", counts), layer="counts", memory="map").load()
    counts[7, 1] = 1
    path = write(tmp_path / "a.h5ad", sparse.csr_matrix(counts))
    (said,) = AnnData(path=path, layer="counts", memory="map").load().warnings
    assert said.startswith("1 point has no count other than 0")
    with h5py.File(path, "r+") as file:
        file["layers/counts/indices"][0] = 10**6
    with pytest.raises(UserError, match="cannot be used, because it is damaged"):
        AnnData(path=path, layer="counts", memory="map").load()
    with h5py.File(path, "r+") as file:
        file["layers/counts/indptr"][1] = 10**6
        del file["X"]
        file["X"] = h5py.ExternalLink("other.h5", "/x")
    with pytest.raises(UserError, match="indptr does not fit the values"):
        AnnData(path=path, layer="counts", memory="map").load()
    with pytest.raises(UserError, match="its X is a link to another file"):
        AnnData(path=path, memory="map").load()


@pytest.mark.parametrize("memory", ["read", "map"])
def test_a_cell_that_is_stored_in_parts_is_their_sum(tmp_path, monkeypatch, memory):
    monkeypatch.setattr(h5ad_rows, "NUMBERS", 7 * X)
    counts = sparse.csr_matrix(COUNTS)
    halves = np.stack([counts.data, 200 - counts.data]).T.ravel()  # every stored number becomes 200
    split = sparse.csr_matrix((halves, counts.indices.repeat(2), 2 * counts.indptr), shape=counts.shape)
    assert not split.has_canonical_format
    path = write(tmp_path / "a.h5ad")
    import h5py

    with h5py.File(path, "r+") as file:
        del file["layers/counts"]
        anndata.io.write_elem(file["layers"], "counts", split)
    dataset = AnnData(path=path, layer="counts", memory=memory).load()
    assert torch.equal(rows_of(dataset), torch.from_numpy(200 * (COUNTS > 0)).float())


def rows_of(dataset):
    """All points as floats in the order of the file, in memory or not."""
    parts = (dataset.train, dataset.valid, dataset.test)
    return torch.cat([part.values() for part in parts])[torch.cat([part.source_rows for part in parts]).argsort()]


def new_cells(path, genes, batch):
    """A file of a few cells with these genes."""
    obs = pd.DataFrame({"batch": batch}, index=[f"new{i}" for i in range(len(batch))])
    cells = anndata.AnnData(COUNTS[: len(batch)], obs=obs, var=pd.DataFrame(index=genes))
    cells.layers["counts"] = COUNTS[: len(batch)]
    cells.write_h5ad(path)
    return str(path)


def test_new_cells_may_be_few_of_few_batches_and_nothing_is_hidden(tmp_path):
    keys = {"layer": "counts", "batch": "batch", "hide": 0.5}
    old = AnnData(path=write(tmp_path / "a.h5ad", batch=["u", "v", "w"] * (N // 3)), **keys).load()
    genes = [str(j) for j in range(X)]
    new = AnnData(path=new_cells(tmp_path / "b.h5ad", genes, ["w"]), **keys).load_new(old.treatment)
    assert torch.equal(new.split("new").values(), torch.from_numpy(COUNTS[:1]))
    assert new.given == old.given
    assert new.split("new").given.tolist() == [[0, 0, 1]]
    assert new.names == ("new0",)
    labelled = AnnData(path=str(tmp_path / "b.h5ad"), label="kind", **keys).load_new(old.treatment)
    assert labelled.split("new").labels is None, "new cells need no labels"
    with pytest.raises(UserError, match="has points with batch=z, but the run was trained on u, v, w"):
        AnnData(path=new_cells(tmp_path / "c.h5ad", genes, ["u", "z"]), **keys).load_new(old.treatment)
    with pytest.raises(UserError, match=r"must have the variables .* in the same order"):
        AnnData(path=new_cells(tmp_path / "d.h5ad", genes[::-1], ["u"]), **keys).load_new(old.treatment)
