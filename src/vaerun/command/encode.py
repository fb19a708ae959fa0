"""Write q(z; φ) of every point of a trained run into a file.

One row for each point, in the order of the source of the data:
  index            the row of the point in its file, counted from 0; its index in the split if there is no such file
  name, label      the name of the row and its class, if the source has them
  split            train, valid or test; new for points that the run was not trained with
  mean             E_q[z], D numbers: mean_0, mean_1, … in a csv or parquet file
  scale            the standard deviation of every z_d under q, D numbers
  elbo, elbo_se    a lower bound on log p(x) of the point in nats, and the standard error of its average over samples;
                   pseudo_elbo, no bound, if the likelihood is not a density
  samples          --samples draws of z ~ q, S x D numbers: sample_0_0, … in a csv or parquet file

φ is found as the strategy of the run finds it. Where every training point has its own φ, this is the stored one; φ of
all other points is found by an ascent. A mean or a scale without a closed form is that of 256 samples.

With data.path=FILE, the points of FILE are encoded as the split new, unless it is the file of the training data.
Nothing of the training data is needed for them. Other keys that can be set: execution.device=auto,
execution.threads=N, data.root=FOLDER.

The suffix of the file chooses the format: .npz (numpy.load), .csv, .parquet (pip install 'vaerun[table]') or .h5ad
(AnnData, with E_q[z] in obsm["X_vaerun"]; pip install 'vaerun[anndata]'). The path of the file is printed.

Examples:
  vaerun encode RUN_DIR --out z.csv
  vaerun encode RUN_DIR data.path=new.npz --out new.parquet
  vaerun encode RUN_DIR --split test --samples 100 --checkpoint last
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.command.parser import parse
from vaerun.command.trained import one_file, open_folder, refuse_taken, runs_and_settings, unwritable
from vaerun.experiment.directory import read_config
from vaerun.experiment.new_path import path_in

if TYPE_CHECKING:
    from vaerun.data.base import Dataset
    from vaerun.encoding.table import Table
    from vaerun.experiment.run import Run

TRAINED = ("train", "valid", "test")


def main(argv: list[str]) -> int:
    """Encodes all given runs; returns the exit code.

    Raises:
        UserError: an argument is wrong, a file exists already, or the points cannot be read.
    """
    given = parse("encode", argv)
    runs, settings = runs_and_settings("encode", given.words)
    if given.out is not None:
        one_file(runs, "write encoded.npz into every run")
    path = path_in(settings)
    for run in runs:
        read_config(run)  # before torch is imported
    from vaerun.encoding.table import table_for
    from vaerun.experiment.load import open_run

    for run in runs:
        place = run / "encoded.npz" if given.out is None else Path(given.out)
        table = table_for(place)
        table.modules()
        refuse_taken(place, path, force=given.force)
        open_folder(place.parent)
        opened = open_run(run, checkpoint=given.checkpoint, overrides=settings)
        data = points(opened, path, given.split)
        splits = ("new",) if data.new is not None else TRAINED if given.split == "all" else (given.split,)
        try:
            write(opened, data, splits, table, place, given)
        except OSError as error:
            raise unwritable(error, place.parent) from None
        print(place, flush=True)
    return 0


def points(run: "Run", path: str | None, split: str) -> "Dataset":
    """The data of a run, or the points of another file.

    Raises:
        UserError: the data cannot be read, or have no such split.
    """
    from vaerun.experiment.new_data import chosen

    return chosen(run, path, None if split == "all" else split)


def write(opened: "Run", data: "Dataset", splits: Any, table: "Table", place: Path, given: Any) -> None:
    """Writes the table of some splits of a data set into a file, whole or not at all."""
    from vaerun.encoding.encode import Places, encode
    from vaerun.execution.random_state import isolated
    from vaerun.system.whole_file import replacing

    places = Places(data, splits)
    with isolated(given.seed, opened.device), replacing(place) as file:
        parts = encode(opened.strategy, data, places, samples=given.samples, num_samples=given.num_samples)
        table.write(file, parts, rows=len(places), folder=place.parent)
