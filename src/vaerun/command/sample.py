"""Draw from a trained run: vaerun sample RUN_DIR ... [--n 64] [--seed 0] [--latents 8] [--pairs 8] [--points I,J]

Writes pictures into RUN_DIR/samples, and the numbers of each into an npz of the same name; x and mean = E[x given z]
have the shape of the data, index counts validation points from 0, and E_q[z] is for q as the strategy infers it:
  prior            mean at n draws z ~ p(z)                                             z, mean, x ~ p(x given z)
  reconstructions  n validation points, each above mean at E_q[z]                       index, x, z, mean
  interpolation    from one point to another, mean on the straight line between their   index, x, t, z, mean
                   E_q[z]; for bits and one-hot z through the probabilities between
  traversal        a row for each active latent (Var_x E_q[z_d] > 0.01), most active    index, x, latent, variance,
                   first: mean as it walks through its prior, the others at E_q[z]      value, z, mean
  manifold         where z is real and D = 2: mean at a 20 x 20 grid of the prior's     z, mean
                   quantiles, z_1 to the right and z_2 upwards
For data that are no grey or colour images there are the npz files alone.

  --n 64           prior samples, and reconstructions
  --seed 0         of all draws: the same seed writes the same files
  --latents 8      rows of the traversal, at most
  --pairs 8        rows of the interpolation, evenly spread over the validation points
  --points 3,17    the two points instead; 3,17,5,40 for a second row
  --checkpoint best   by validation bound, or last
  execution.device=auto, execution.threads=N, data.root=FOLDER

Examples:
  vaerun sample runs/2026-11-22/*
  vaerun sample RUN_DIR --n 100 --seed 1 --points 3,17
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.command.eval import parse, take_checkpoint
from vaerun.errors import UserError, close_match
from vaerun.experiment.directory import read_config

if TYPE_CHECKING:
    from vaerun.image.base import ImageSource

NUMBERS = {"n": 64, "seed": 0, "latents": 8, "pairs": 8}
EXAMPLES = {**NUMBERS, "points": "3,17", "checkpoint": "best"}
FLAGS = [f"--{name}" for name in EXAMPLES]
LARGEST = 2**63 - 1  # what torch takes for a seed


@dataclass(frozen=True)
class Amounts:
    """How much is drawn, and from which seed."""

    n: int
    seed: int
    latents: int
    pairs: int
    points: tuple[int, ...] = ()


def main(argv: list[str]) -> int:
    """Draws from every run named; returns the exit code."""
    words = list(unflagged(argv))
    own = [word for word in words if "=" in word and word.partition("=")[0] in (*NUMBERS, "points")]
    runs, overrides, _ = parse([word for word in words if word not in own], "sample", (*NUMBERS, "points"))
    amounts = Amounts(**{**NUMBERS, **dict(amount(word) for word in own)})  # type: ignore[arg-type]
    checkpoint = take_checkpoint(overrides)
    for run in runs:
        read_config(run)  # before torch is imported
    for run in runs:
        from vaerun.experiment.load import load

        for path in write(load(run, checkpoint=checkpoint, overrides=overrides), run / "samples", amounts):
            print(path, flush=True)
    return 0


def unflagged(argv: Sequence[str]) -> Iterator[str]:
    """The words with ``--n 64`` and ``--n=64`` as ``n=64``.

    Raises:
        UserError: no such flag, or one without its value.
    """
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if not word.startswith("-"):
            yield word
        elif flag not in FLAGS:
            raise UserError(f"vaerun sample has no flag {flag}.{close_match(flag, FLAGS)} It takes {', '.join(FLAGS)}.")
        elif equals or (rest and not rest[0].startswith("--")):
            yield f"{flag[2:]}={value if equals else rest.pop(0)}"
        else:
            raise UserError(f"{flag} needs a value, such as {flag} {EXAMPLES[flag[2:]]}.")


def amount(word: str) -> tuple[str, int | tuple[int, ...]]:
    """``n=64`` as a name and a number, ``points=3,17`` as a name and numbers.

    Raises:
        UserError: it is no whole number in range, or the points are no pairs.
    """
    name, _, value = word.partition("=")
    if name == "points":
        points = value.split(",")
        if len(points) % 2 or not all(point.isdecimal() and int(point) <= LARGEST for point in points):
            raise UserError(f"{word} is no pair of points: give two whole numbers or two for each row, such as 3,17.")
        return name, tuple(map(int, points))
    if not value.isdecimal() or not (name != "seed") <= int(value) <= LARGEST:
        raise UserError(f"{word} is no count: give a whole number, such as {name}={NUMBERS[name]}.")
    return name, int(value)


def write(opened: Any, folder: Path, amounts: Amounts) -> Iterator[Path]:
    """Writes the files of one run and yields their paths."""
    from vaerun.data.npz import pack
    from vaerun.image.grid import save, save_png
    from vaerun.image.images import Images

    pictures = Images(opened.strategy, opened.data)
    drawings = draw(opened, amounts)
    remarks = [drawing.note() for drawing in drawings.values()]
    if not pictures.drawable():
        remarks.append(f"points of shape {opened.data.shape} are no grey or colour images: there are arrays alone")
    for remark in filter(None, remarks):
        print(f"vaerun: {folder.parent}: {remark}", file=sys.stderr, flush=True)  # stdout holds the paths
    folder.mkdir(exist_ok=True)
    for name, drawing in drawings.items():
        save(folder / f"{name}.npz", pack(drawing.arrays(opened.data.shape)))
        yield folder / f"{name}.npz"
        if pictures.drawable():
            save_png(folder / f"{name}.png", pictures.image(drawing))
            yield folder / f"{name}.png"


def draw(opened: Any, amounts: Amounts) -> Mapping[str, "ImageSource"]:
    """What there is to draw, by name; each from the seed anew, so that no amount changes what another draws.

    Raises:
        UserError: there is no such validation point.
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
    """The pairs of validation points to go between, Int[Tensor, "R 2"].

    Raises:
        UserError: there is no such point.
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
