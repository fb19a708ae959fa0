"""A matrix of an h5ad file that is larger than memory, some rows at a time."""

from collections.abc import Iterator
from typing import Any, final

import numpy as np

from vaerun.data.data_file import DamagedFileError

NUMBERS = 2**22  # that are read at a time


@final
class DenseRows:
    """A matrix [N, X] that is stored whole.

    Args:
        values: the h5py.Dataset.
    """

    def __init__(self, values: Any) -> None:
        self.values, self.shape = values, tuple(values.shape)

    def stored(self) -> Iterator[np.ndarray]:
        """All stored numbers, in parts."""
        yield from self.parts()

    def parts(self) -> Iterator[np.ndarray]:
        """The rows in order, [n, X]."""
        size = max(1, NUMBERS // self.shape[1])
        for start in range(0, self.shape[0], size):
            yield self.values[start : start + size]


@final
class SparseRows:
    """A sparse matrix [N, X] that is stored by rows (CSR). Of the whole matrix only N + 1 numbers are in memory.

    Args:
        data: the values that are not 0, an h5py.Dataset.
        indices: their columns, an h5py.Dataset.
        indptr: where the values of each row begin, N + 1 numbers.
        shape: N and X.

    Raises:
        DamagedFileError: ``indptr`` does not fit the others.
    """

    def __init__(self, data: Any, indices: Any, indptr: np.ndarray, shape: tuple[int, int]) -> None:
        self.data, self.indices, self.indptr, self.shape = data, indices, indptr, shape
        ends = len(indptr) == shape[0] + 1 and indptr[0] == 0 and indptr[-1] == len(data) == len(indices)
        if not ends or bool((np.diff(indptr) < 0).any()):
            raise DamagedFileError("its sparse matrix is damaged: indptr does not fit the values")

    def stored(self) -> Iterator[np.ndarray]:
        """All numbers that are not 0, in parts."""
        for part in self._rows():
            yield part.data

    def parts(self) -> Iterator[np.ndarray]:
        """The rows in order, dense, [n, X]."""
        for part in self._rows():
            yield part.toarray()

    def _rows(self) -> Iterator[Any]:
        """The rows in order, as sparse matrices [n, X]."""
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

        size = max(1, NUMBERS // self.shape[1])
        for start in range(0, self.shape[0], size):
            indptr = self.indptr[start : start + size + 1]
            own = slice(int(indptr[0]), int(indptr[-1]))
            held = (self.data[own], self.indices[own], indptr - indptr[0])
            part = csr_matrix(held, shape=(len(indptr) - 1, self.shape[1]))
            part.check_format(full_check=True)  # indices out of range would be written outside the array
            part.sum_duplicates()  # a cell that is stored in parts is their sum
            yield part


MatrixRows = DenseRows | SparseRows
