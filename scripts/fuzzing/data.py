"""npz, npy and IDX files, read as ``data.path`` is."""

import gzip
import io
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fuzzing.kind import Kind, refused
from fuzzing.mutation import NUMBERS, damaged

DTYPES = ("?", "u1", "i1", "<i2", ">u2", "<i8", "<u8", "<f2", "<f4", ">f4", "<f8")
OTHER_DTYPES = ("<c8", "M8[s]", "S3", "U2")
SHAPES = ((12, 3), (30, 1), (12, 5, 5), (12, 3, 5, 5), (12, 5, 5, 3), (12, 3, 5, 3))
OTHER_SHAPES = ((), (12,), (0, 3), (12, 0), (1, 3), (9, 3), (12, 2, 2, 2, 2))
DESCRS = ("'<f4'", "'|u1'", "'|O'", "'>f8'", "[('a', '<f4')]", "'(9,)f8'", "'|V2147483647'", "3")
ODD = (0, 1, -1, 2, 127, 255, 256, 2**24 + 1, 2**53 + 1, 1e-40, 1e-300, 1e38, 1e300, 1.7e9, np.nan, np.inf, -np.inf)
KEYS: dict[str, tuple[Any, ...]] = {
    "scale": (None, None, 1.0, 1.0, 1.0, 1 / 255, 1e-300, 1e300, 3.0),
    "layout": (*8 * [None], "channels_last", "channels_first"),
    "binarize": (*6 * ["none"], "static", "dynamic", "threshold"),
    "valid_fraction": (*12 * [0.1], 1e-9, 0.89),
    "label": (*12 * [None], "y", ["y"], ["y", None], "x"),
    "key": (*12 * [None], "x", "y"),
}


def npy(array: np.ndarray) -> bytes:
    """The bytes that numpy.save writes."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npz(members: list[tuple[str, bytes]], method: int) -> bytes:
    """A zip archive of the members, also with names that occur twice."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)  # without the time, so that it stays the same
    return buffer.getvalue()


def in_splits(array: np.ndarray) -> bytes:
    """An npz file with the rows in three splits."""
    parts = np.array_split(array, 3) if array.ndim else [array] * 3
    return npz([(f"{name}.npy", npy(part)) for name, part in zip(("train", "valid", "test"), parts, strict=True)], 8)


def idx(array: np.ndarray) -> bytes:
    """An IDX file of bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """An array of any type and shape, with a few odd values."""
    shape = draw(st.sampled_from((*5 * SHAPES, *OTHER_SHAPES)))
    dtype = draw(st.sampled_from((*4 * DTYPES, *OTHER_DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = rng.integers(0, draw(st.sampled_from((2, 16, 256, 70_000))), shape)
        array = np.asarray(values).astype(dtype)
        if array.size and array.dtype.kind in "buif" and draw(st.integers(0, 3)) == 3:
            for value in draw(st.lists(st.sampled_from(ODD), max_size=2)):
                array.flat[draw(st.integers(0, array.size - 1))] = np.asarray(value).astype(dtype)
    return np.asfortranarray(array) if draw(st.booleans()) else array


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """An npy file whose header says anything."""
    descr = draw(st.sampled_from(DESCRS))
    size = st.sampled_from((*NUMBERS, -1, 99999999999999999999, 3, 4))
    sizes = map(str, draw(st.lists(size, max_size=5)))
    shape = draw(st.sampled_from((f"({', '.join(sizes)},)", "(" * 500, "()", "None", "'x'", "(True, 2)", "(2L, 3L)")))
    order = draw(st.sampled_from(("False", "True", "1", "[]", "9**9**9", "{[]: 1}", "'\\d'")))
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    version = draw(st.sampled_from((1, 1, 1, 2, 3, 4)))
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + bytes(draw(st.sampled_from((0, 24, 96))))


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """A zip archive of arrays and other things."""
    method = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)))
    names = draw(st.sampled_from((("x.npy",), ("x.npy", "x.npy"), ("train.npy", "valid.npy", "test.npy"), ("../x",))))
    content = st.one_of(arrays().map(npy), arrays().map(npy), headers(), st.binary(max_size=9))
    return npz([(name, draw(content)) for name in names], method)


class Data(Kind):
    """Data files and the keys beside them, through ``vaerun.data.arrays.Arrays``; some as if they were published."""

    name = "data files"

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """(file name, content, keys, reader)."""
        x = np.random.default_rng(0).integers(0, 256, (30, 4, 5), dtype=np.uint8)
        small, real = x.reshape(30, -1)[:, :5], np.random.default_rng(1).normal(size=(30, 6))
        split = [("train.npy", npy(x[:20])), ("valid.npy", npy(x[20:25])), ("test.npy", npy(x[25:]))]
        good = [
            npy(x),
            npy(real),
            npy(real.astype("g")),
            npy(np.zeros((12, 3), "V5")),
            npz([("x.npy", npy(real))], 0),
            npz(split, 8),
            npz([("x.npy", npy(small))], 14),
        ]
        good += [npz([("x.npy", npy(x))], 12), idx(x), gzip.compress(idx(x), mtime=0), gzip.compress(npy(x), mtime=0)]
        good += [npz([("x.npy", npy(x)), ("y.npy", npy(labels))], 8) for labels in (x[:, 0, 0], x[:, 0, 0].astype("U"))]
        made = st.one_of(arrays().map(npy), headers(), archives())
        whole, split_arrays = arrays().map(npy), arrays().map(in_splits)
        ways = (
            damaged(good),
            damaged(good),
            whole,
            whole,
            split_arrays,
            made,
            made.flatmap(lambda one: damaged([one])),
        )
        content = st.sampled_from(ways).flatmap(lambda way: way)
        name = st.sampled_from(("a.npz", "a.npy", *8 * ["a"]))
        keys = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in KEYS.items()})
        reader = st.sampled_from((*12 * ("arrays",), "idx", "binarized_mnist"))
        return st.tuples(name, content, keys, reader)

    def read(self, given: Any, folder: Path) -> None:
        """Loads the file; a data set must be finite and say what was done to its values."""
        import torch

        from vaerun.data import idx
        from vaerun.data.arrays import Arrays
        from vaerun.data.binarized_mnist import ARCHIVE, BinarizedMnist
        from vaerun.errors import UserError

        name, content, keys, reader = given
        path = folder / (ARCHIVE if reader == "binarized_mnist" else name)
        path.write_bytes(content)
        try:
            if reader == "idx":
                assert idx.read(path).size >= 0
                return
            if reader == "binarized_mnist":
                BinarizedMnist(root=str(folder)).load()
            data = Arrays(path=str(path), **keys).load()
        except UserError as error:
            raise refused(error) from error
        assert data.values
        for split in (data.train, data.valid, data.test):
            assert bool(torch.isfinite(split.points()).all()), "a value is not finite"
            assert split.x.shape[1] == data.data_dim
        if keys["binarize"] == "none" and content.startswith(b"\x93NUMPY"):
            stored = np.concatenate([split.x.numpy().ravel() for split in (data.train, data.valid, data.test)])
            array = np.load(io.BytesIO(content))  # an independent reader
            expected = np.sort(array.ravel().astype(np.float32))
            assert np.array_equal(np.sort(stored.astype(np.float32)), expected), "values were changed"

    def shown(self, given: Any) -> bytes:
        return given[1] + repr(given[2:]).encode()
