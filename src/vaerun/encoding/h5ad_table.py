"""FILE.h5ad: an AnnData object whose observations are the points, for scanpy."""

import shutil
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import IO, ClassVar, final

import numpy as np

from vaerun.encoding.encode import Part
from vaerun.encoding.table import Table


@final
class H5adTable(Table):
    """obs: index, split, label, elbo, elbo_se; obsm: X_vaerun (E_q[z]), X_vaerun_scale, X_vaerun_sample_s.

    The names of the observations are those of the source, or else its row numbers. x itself is not stored, so that the
    object has no variables. The table is in memory as a whole before it is written.
    """

    suffix: ClassVar[str] = ".h5ad"
    packages: ClassVar[tuple[str, ...]] = ("anndata", "pandas")
    extra: ClassVar[str] = "anndata"

    def write(self, file: IO[bytes], parts: Iterable[Part], *, rows: int, folder: Path) -> None:
        anndata, pandas = self.modules()
        held = list(parts)
        whole = {name: np.concatenate([part[name] for part in held]) for name in held[0]}
        names = whole.pop("name", whole["index"]).astype(str)
        obs = pandas.DataFrame(index=pandas.Index(names, name=None))
        obsm: dict[str, np.ndarray] = {}
        for column, values in whole.items():
            if column == "samples":
                obsm |= {f"X_vaerun_sample_{s}": values[:, s] for s in range(values.shape[1])}
            elif values.ndim > 1:
                obsm["X_vaerun" if column == "mean" else f"X_vaerun_{column}"] = values
            else:
                obs[column] = pandas.Categorical(values) if values.dtype.kind == "U" else values
        # The library writes into a file of its own; its bytes become those of the file.
        with tempfile.TemporaryDirectory(dir=folder) as place, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about names that two observations share
            written = Path(place, "table.h5ad")
            anndata.AnnData(obs=obs, obsm=obsm).write_h5ad(written)
            with written.open("rb") as content:
                shutil.copyfileobj(content, file)
