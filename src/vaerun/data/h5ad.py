"""h5ad ↦ arrays: the values, the names and columns of the rows. Only these parts of a file are read, as data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import numpy as np

from vaerun.data.data_file import DamagedFileError, data_file, refuse_too_large
from vaerun.data.h5ad_rows import DenseRows, MatrixRows, SparseRows
from vaerun.data.mapped import is_mapped
from vaerun.errors import MissingPackageError, UserError, close_match

REMEDY = "give an h5ad file, such as anndata.AnnData(x).write_h5ad(path) writes"
OLD = "it was written by an old version of anndata; read it with anndata.read_h5ad and write it again with write_h5ad"


@final
class H5ad:
    """An open h5ad file.

    Args:
        path: of the file, for messages.
        file: the h5py.File.
    """

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self.file = path, file

    def values(self, layer: str | None) -> Any:
        """X or a layer, [N, X]: a NumPy array, or a sparse matrix in rows whose indices have been checked.

        Raises:
            UserError: there is no such layer.
        """
        return self._matrix(self._place(layer))

    def rows(self, layer: str | None, memory: str) -> MatrixRows | None:
        """X or a layer, to be read some rows at a time; None if the key ``data.memory`` says to read it as a whole.

        Raises:
            UserError: there is no such layer, or it must be mapped and is stored by columns.
        """
        name = self._place(layer)
        part = self._at(name)
        kind = part.attrs.get("encoding-type", "array")
        held = part if hasattr(part, "dtype") else self._at(f"{name}/data")
        shape = tuple(int(size) for size in part.attrs.get("shape", getattr(part, "shape", ())))
        if len(shape) != 2 or not all(shape) or not hasattr(held, "dtype") or held.dtype.kind not in "biuf":
            return None  # which is refused when it is read
        if not is_mapped(memory, shape[0] * shape[1], held.dtype.itemsize):
            return None
        if kind == "csc_matrix":
            if memory == "map":
                raise UserError(
                    f"data.memory=map needs a matrix that is stored by rows, but {name} of {self.path} is stored by "
                    f"columns (CSC): convert it with tocsr() and write the file again."
                )
            return None
        if held is part:
            return DenseRows(self._dataset(name))
        data, indices = self._dataset(f"{name}/data"), self._dataset(f"{name}/indices")
        indptr = self._dataset(f"{name}/indptr")
        refuse_too_large(indptr.size, indptr.dtype.itemsize)
        return SparseRows(data, indices, indptr[:], (shape[0], shape[1]))

    def _place(self, layer: str | None) -> str:
        """Where X or a layer is in the file."""
        if layer is None:
            return "X"
        layers = list(self._group("layers")) if "layers" in self.file else []
        if layer not in layers:
            known = f"its layers are {', '.join(layers)}" if layers else "it has no layers"
            raise UserError(
                f"data.layer={layer} does not exist in {self.path}: {known}, and data.layer=null is X."
                f"{close_match(layer, layers)}"
            )
        return f"layers/{layer}"

    def names(self) -> list[str]:
        """The names of the rows (obs_names)."""
        obs = self._group("obs")
        return [str(name) for name in self._read(f"obs/{obs.attrs.get('_index', '_index')}")]

    def variables(self) -> list[str]:
        """The names of the columns (var_names)."""
        var = self._group("var")
        return [str(name) for name in self._read(f"var/{var.attrs.get('_index', '_index')}")]

    def has_column(self, name: str | None) -> bool:
        """Whether obs has a column of that name."""
        return name is not None and name in self._group("obs")

    def column(self, key: str, name: str) -> tuple[np.ndarray, list[str]]:
        """A column of obs as numbers 0, 1, … of its values, −1 where it is missing, and the names of the values.

        Raises:
            UserError: there is no such column; ``key`` is named.
        """
        import pandas as pd

        obs = self._group("obs")
        columns = [one for one in obs if one not in (obs.attrs.get("_index"), "_index", "__categories")]
        if name not in columns:
            raise UserError(
                f"{key}={name} is not a column of obs in {self.path}: the columns are {', '.join(columns) or 'none'}."
                f"{close_match(name, columns)}"
            )
        column = pd.Categorical(self._read(f"obs/{name}"))
        return np.asarray(column.codes), [str(value) for value in column.categories]

    def _group(self, name: str) -> Any:
        if not hasattr(self._at(name), "keys"):
            raise DamagedFileError(OLD)
        return self._at(name)

    def _at(self, name: str) -> Any:
        """The part of that name, if this file holds it: a link to another file is not followed."""
        if name not in self.file:
            raise DamagedFileError(f"it has no {name}")
        link = self.file.get(name, getlink=True)
        if type(link).__name__ == "ExternalLink":
            raise DamagedFileError(f"its {name} is a link to another file")
        return self.file[name]

    def _read(self, name: str) -> Any:
        import anndata

        part = self._at(name)
        for inner in [part] if hasattr(part, "dtype") else [self._at(f"{name}/{key}") for key in part]:
            if not hasattr(inner, "dtype"):
                continue
            self._refuse_elsewhere(inner, name)
            refuse_too_large(inner.size, inner.dtype.itemsize)
        return anndata.io.read_elem(part)

    def _dataset(self, name: str) -> Any:
        """The numbers of that name, which are not read yet."""
        part = self._at(name)
        if not hasattr(part, "dtype"):
            raise DamagedFileError(OLD)
        self._refuse_elsewhere(part, name)
        return part

    def _refuse_elsewhere(self, part: Any, name: str) -> None:
        if part.external or part.is_virtual:
            raise DamagedFileError(f"its {name} is stored in another file")

    def _matrix(self, name: str) -> Any:
        values = self._read(name)
        if hasattr(values, "check_format"):
            values.check_format(full_check=True)  # indices out of range would be written outside the array
            values = values.tocsr()
            values.sum_duplicates()  # a cell that is stored in parts is their sum
        kind = getattr(values, "dtype", np.dtype(object)).kind
        if len(getattr(values, "shape", ())) != 2 or kind not in "biuf":
            raise DamagedFileError(f"its {name} is not a matrix of numbers")
        if not all(values.shape):
            raise DamagedFileError(f"its {name} is empty, of shape {list(values.shape)}")
        return values


@contextmanager
def h5ad(path: Path) -> Iterator[H5ad]:
    """Opens an h5ad file.

    Raises:
        UserError: the package anndata is missing, or the file does not exist, is damaged or has another format.
    """
    try:
        import anndata  # noqa: F401 - it is needed later, and this is the place for one sentence
        import h5py
    except ImportError as error:
        raise MissingPackageError("data=anndata", "anndata", extra="anndata") from error
    with data_file(path, remedy=REMEDY) as opened, h5py.File(opened.stream, "r") as file:
        yield H5ad(path, file)
