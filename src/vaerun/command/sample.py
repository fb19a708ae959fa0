"""Draw from trained runs.

Writes images into RUN_DIR/samples, or into the folder that --out names, and the numbers of each image into an npz file
of the same name. In these files x and mean = E[x given z] have the shape of the data, and index counts validation
points from 0. E_q[z] is the mean of q(z; φ) with φ as the strategy of the run finds it:
  prior            mean at n draws z ~ p(z); with a condition, one row for      arrays z, mean, x ~ p(x given z),
                   each class, or the condition that --condition names          and given, the condition
  reconstructions  n validation points, each above mean at E_q[z]               index, x, z, mean
  interpolation    mean on the straight line between E_q[z] of two points;      index, x, t, z, mean
                   for discrete z, on the line between their probabilities
  traversal        one row for each active latent (Var_x E_q[z_d] > 0.01),      index, x, latent, variance,
                   which takes the values of its prior, the others at E_q[z]    value, z, mean
  manifold         if z is real and D = 2: mean at a 20 x 20 grid of the        z, mean
                   prior's quantiles, z_1 to the right and z_2 upwards
If the model was trained with a condition (data.condition=y), --condition y=3 draws from p(x given y=3), and also sets
the condition of the manifold. Traversals and reconstructions use the condition of their points.
If the data are not grey or colour images, only the npz files are written.

With --out FILE.npz only prior samples are drawn: the arrays z, mean and x; with --out FILE.npy only x. They are written
in parts, so their number is not limited by memory. The first m of n samples are those of m samples with the same seed.

Configuration that can be set: execution.device=auto, execution.threads=N, data.root=FOLDER, data.path=FILE. If FILE
holds other points than the run was trained with, they take the place of the validation points.

Examples:
  vaerun sample runs/2026-11-22/*
  vaerun sample RUN_DIR --n 100 --seed 1 --points 3,17
  vaerun sample RUN_DIR --condition y=3
  vaerun sample RUN_DIR -n 1000000 --out samples.npz
  vaerun sample RUN_DIR data.path=new.npz --out new_points
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.command.parser import parse
from vaerun.command.trained import one_file, open_folder, refuse_taken, runs_and_settings, unwritable
from vaerun.errors import UserError
from vaerun.experiment.directory import read_config
from vaerun.experiment.new_path import path_in
from vaerun.system import files

if TYPE_CHECKING:
    from vaerun.data.base import Dataset
    from vaerun.image.base import ImageSource

FILES = (".npz", ".npy")  # suffixes of --out that name a file


@dataclass(frozen=True)
class Amounts:
    """The numbers of samples, and the seed."""

    n: int
    seed: int
    latents: int
    pairs: int
    points: tuple[int, ...] = ()
    condition: str | None = None


def main(argv: list[str]) -> int:
    """Draws from all given runs; returns the exit code.

    Raises:
        UserError: an argument is wrong, or a run, checkpoint or point does not exist.
    """
    given = parse("sample", argv)
    runs, settings = runs_and_settings("sample", given.words)
    amounts = Amounts(given.n, given.seed, given.latents, given.pairs, given.points or (), given.condition)
    for run in runs:
        read_config(run)  # before torch is imported
    if given.out is not None and Path(given.out).suffix in FILES:
        one_file(runs, "write a folder samples into every run")
        return stream(runs[0], Path(given.out), settings, given)
    for run in runs:
        from vaerun.experiment.load import open_run
        from vaerun.experiment.new_data import chosen

        place = run / "samples" if given.out is None else Path(given.out, run.name if len(runs) > 1 else "")
        if given.out is None and place.is_symlink():
            raise files.refused(place)
        folder = open_folder(place)
        try:
            opened = open_run(run, checkpoint=given.checkpoint, overrides=settings)
            for path in write(opened, chosen(opened, path_in(settings), None), folder, amounts):
                print(path, flush=True)
        except OSError as error:
            raise unwritable(error, folder) from None
    return 0


def stream(run: Path, place: Path, settings: list[str], given: Any) -> int:
    """Writes prior samples of one run into a file, in parts; returns the exit code.

    Raises:
        UserError: the file exists already or cannot be written, or the run cannot be opened.
    """
    from vaerun.data.condition import Condition
    from vaerun.data.npz_stream import write_npz
    from vaerun.encoding.draws import draws, write_npy
    from vaerun.experiment.load import open_run
    from vaerun.system.whole_file import replacing

    refuse_taken(place, path_in(settings), force=given.force)
    open_folder(place.parent)
    opened = open_run(run, checkpoint=given.checkpoint, overrides=settings)
    info, fixed = opened.data_info, None
    if info.given or given.condition is not None:
        known = Condition(info.given, info.covariates)
        fixed = known.rows({} if given.condition is None else known.parse(given.condition), 1)
    parts = draws(opened.strategy, given.n, seed=given.seed, shape=opened.data_info.shape, given=fixed)
    try:
        with replacing(place) as file:
            if place.suffix == ".npy":
                write_npy(file, parts, "x", rows=given.n)
            else:
                write_npz(file, parts, rows=given.n, folder=place.parent)
    except OSError as error:
        raise unwritable(error, place.parent) from None
    print(place, flush=True)
    return 0


def write(opened: Any, data: "Dataset", folder: Path, amounts: Amounts) -> Iterator[Path]:
    """Writes the files of one run and yields their paths; the points are those of ``data``."""
    from vaerun.data.npz import pack
    from vaerun.image.grid import save, save_png
    from vaerun.image.images import Images

    pictures = Images(opened.strategy, data)
    drawings = draw(opened, data, amounts)
    remarks = [drawing.note() for drawing in drawings.values()]
    if not pictures.drawable():
        remarks.append(f"points of shape {data.shape} are not grey or colour images: only arrays are written")
    for remark in filter(None, remarks):
        print(f"vaerun: {opened.directory}: {remark}", file=sys.stderr, flush=True)  # stdout has only the paths
    for name, drawing in drawings.items():
        save(folder / f"{name}.npz", pack(drawing.arrays(data.shape)))
        yield folder / f"{name}.npz"
        if pictures.drawable():
            save_png(folder / f"{name}.png", pictures.image(drawing))
            yield folder / f"{name}.png"


def draw(opened: Any, data: "Dataset", amounts: Amounts) -> Mapping[str, "ImageSource"]:
    """The samples by name. Each starts from the seed, so its draws do not depend on the amounts of the others.

    Raises:
        UserError: a validation point or a condition does not exist.
    """
    from vaerun.execution.random_state import isolated
    from vaerun.image.base import first_given
    from vaerun.image.interpolation import Interpolation
    from vaerun.image.manifold import Manifold
    from vaerun.image.prior import PriorSamples
    from vaerun.image.reconstructions import Reconstructions
    from vaerun.image.traversal import Traversal

    strategy = opened.strategy
    index = pairs(data, amounts)
    given = condition(data, amounts)
    n = amounts.n if given is None else len(given)
    first = first_given(data) if amounts.condition is None or given is None else given[:1]
    drawings = {
        "prior": lambda: PriorSamples.of(strategy, n, given),
        "reconstructions": lambda: Reconstructions.of(strategy, data, amounts.n),
        "interpolation": lambda: Interpolation.of(strategy, data, index),
        "traversal": lambda: Traversal.of(strategy, data, amounts.latents),
    }
    if Manifold.exists(strategy):
        drawings["manifold"] = lambda: Manifold.of(strategy, first)
    drawn = {}
    for name, make in drawings.items():
        with isolated(amounts.seed, data.train.x.device):
            drawn[name] = make()
    return drawn


def condition(data: Any, amounts: Amounts) -> Any:
    """What the prior samples are conditioned on, Float[Tensor, "n C"]; None without a condition.

    Raises:
        UserError: the condition does not exist, or the model has none.
    """
    from vaerun.data.condition import Condition
    from vaerun.image.prior import conditions

    if amounts.condition is None:
        return conditions(data, amounts.n)
    known = Condition(data.given, data.covariates)
    return known.rows(known.parse(amounts.condition), amounts.n).to(data.train.x.device)


def pairs(data: Any, amounts: Amounts) -> Any:
    """The pairs of validation points to interpolate between, Int[Tensor, "R 2"].

    Raises:
        UserError: a point does not exist.
    """
    import torch

    from vaerun.image.interpolation import apart

    if not amounts.points:
        return apart(data, amounts.pairs)
    if max(amounts.points) >= len(data.valid):
        which = "point" if data.new is not None else "validation point"
        raise UserError(
            f"there is no {which} {max(amounts.points)} in {data.name}, which has {len(data.valid):,}: "
            f"give --points between 0 and {len(data.valid) - 1}."
        )
    return torch.tensor(amounts.points).unflatten(0, (-1, 2))
