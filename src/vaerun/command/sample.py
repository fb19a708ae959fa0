"""Draw from trained runs.

Writes images into RUN_DIR/samples, or into the folder that --out names, and the numbers of each image into an npz file
of the same name. In these files x and mean = E[x given z] have the shape of the data, and index counts validation
points from 0. E_q[z] is the mean of q(z; φ) with φ as the strategy of the run finds it:
  prior            mean at n draws z ~ p(z)                                     arrays z, mean, x ~ p(x given z)
  reconstructions  n validation points, each above mean at E_q[z]               index, x, z, mean
  interpolation    mean on the straight line between E_q[z] of two points;      index, x, t, z, mean
                   for discrete z, on the line between their probabilities
  traversal        one row for each active latent (Var_x E_q[z_d] > 0.01),      index, x, latent, variance,
                   which takes the values of its prior, the others at E_q[z]    value, z, mean
  manifold         if z is real and D = 2: mean at a 20 x 20 grid of the        z, mean
                   prior's quantiles, z_1 to the right and z_2 upwards
If the data are not grey or colour images, only the npz files are written.

Configuration that can be set: execution.device=auto, execution.threads=N, data.root=FOLDER, data.path=FILE.

Examples:
  vaerun sample runs/2026-11-22/*
  vaerun sample RUN_DIR --n 100 --seed 1 --points 3,17
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun import files
from vaerun.command.parser import parse
from vaerun.command.trained import open_folder, runs_and_settings, unwritable
from vaerun.errors import UserError
from vaerun.experiment.directory import read_config

if TYPE_CHECKING:
    from vaerun.image.base import ImageSource


@dataclass(frozen=True)
class Amounts:
    """The numbers of samples, and the seed."""

    n: int
    seed: int
    latents: int
    pairs: int
    points: tuple[int, ...] = ()


def main(argv: list[str]) -> int:
    """Draws from all given runs; returns the exit code.

    Raises:
        UserError: an argument is wrong, or a run, checkpoint or point does not exist.
    """
    given = parse("sample", argv)
    runs, settings = runs_and_settings("sample", given.words)
    amounts = Amounts(given.n, given.seed, given.latents, given.pairs, given.points or ())
    for run in runs:
        read_config(run)  # before torch is imported
    for run in runs:
        from vaerun.experiment.load import load

        place = run / "samples" if given.out is None else Path(given.out, run.name if len(runs) > 1 else "")
        if given.out is None and place.is_symlink():
            raise files.refused(place)
        folder = open_folder(place)
        try:
            for path in write(load(run, checkpoint=given.checkpoint, overrides=settings), folder, amounts):
                print(path, flush=True)
        except OSError as error:
            raise unwritable(error, folder) from None
    return 0


def write(opened: Any, folder: Path, amounts: Amounts) -> Iterator[Path]:
    """Writes the files of one run and yields their paths."""
    from vaerun.data.npz import pack
    from vaerun.image.grid import save, save_png
    from vaerun.image.images import Images

    pictures = Images(opened.strategy, opened.data)
    drawings = draw(opened, amounts)
    remarks = [drawing.note() for drawing in drawings.values()]
    if not pictures.drawable():
        remarks.append(f"points of shape {opened.data.shape} are not grey or colour images: only arrays are written")
    for remark in filter(None, remarks):
        print(f"vaerun: {opened.directory}: {remark}", file=sys.stderr, flush=True)  # stdout has only the paths
    for name, drawing in drawings.items():
        save(folder / f"{name}.npz", pack(drawing.arrays(opened.data.shape)))
        yield folder / f"{name}.npz"
        if pictures.drawable():
            save_png(folder / f"{name}.png", pictures.image(drawing))
            yield folder / f"{name}.png"


def draw(opened: Any, amounts: Amounts) -> Mapping[str, "ImageSource"]:
    """The samples by name. Each starts from the seed, so its draws do not depend on the amounts of the others.

    Raises:
        UserError: a validation point does not exist.
    """
    from vaerun.execution.random_state import isolated
    from vaerun.image.interpolation import Interpolation
    from vaerun.image.manifold import Manifold
    from vaerun.image.prior import PriorSamples
    from vaerun.image.reconstructions import Reconstructions
    from vaerun.image.traversal import Traversal

    strategy, data = opened.strategy, opened.data
    index = pairs(opened.data, amounts)
    drawings = {
        "prior": lambda: PriorSamples.of(strategy, amounts.n),
        "reconstructions": lambda: Reconstructions.of(strategy, data, amounts.n),
        "interpolation": lambda: Interpolation.of(strategy, data, index),
        "traversal": lambda: Traversal.of(strategy, data, amounts.latents),
    }
    if Manifold.exists(strategy):
        drawings["manifold"] = lambda: Manifold.of(strategy)
    drawn = {}
    for name, make in drawings.items():
        with isolated(amounts.seed, data.train.x.device):
            drawn[name] = make()
    return drawn


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
        raise UserError(
            f"there is no validation point {max(amounts.points)} in {data.name}, which has {len(data.valid):,}: "
            f"give --points between 0 and {len(data.valid) - 1}."
        )
    return torch.tensor(amounts.points).unflatten(0, (-1, 2))
