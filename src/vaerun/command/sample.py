"""Draw from a trained run: vaerun sample RUN_DIR ... [n=64] [seed=0] [latents=8] [checkpoint=best]

Writes into RUN_DIR/samples:
  prior.png            E[x given z] at n draws z ~ p(z)
  reconstructions.png  validation points, each above its reconstruction
  traversal.png        one validation point, a row for each of the latents that change it most
  samples.npz          the same draws as numbers: x (a sample), mean (E[x given z]) and z
For data that are vectors, not images, there is samples.npz alone.

Examples:
  vaerun sample runs/2026-11-22/*
  vaerun sample RUN_DIR n=100 seed=1
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaerun.command.eval import parse, take_checkpoint
from vaerun.directory import read_config
from vaerun.errors import UserError

NUMBERS = {"n": 64, "seed": 0, "latents": 8}


def main(argv: list[str]) -> int:
    """Draws from every run named; returns the exit code."""
    own = [word for word in argv if word.partition("=")[0] in NUMBERS]
    runs, overrides, as_json = parse([word for word in argv if word not in own], "sample", tuple(NUMBERS))
    if as_json:
        raise UserError("vaerun sample writes files, not JSON: leave out --json.")
    numbers = {**NUMBERS, **dict(number(word) for word in own)}
    checkpoint = take_checkpoint(overrides)
    configs = {run: read_config(run) for run in runs}
    for run, cfg in configs.items():
        from vaerun.open import open_run

        for path in draw(open_run(run, cfg, cfg.evaluation, overrides, checkpoint), run / "samples", numbers):
            print(path)
    return 0


def number(word: str) -> tuple[str, int]:
    """``n=64`` as a name and a number.

    Raises:
        UserError: it is no whole number in range.
    """
    name, _, value = word.partition("=")
    if not value.isdecimal() or (name != "seed" and int(value) < 1):
        raise UserError(f"{word} is no count: give a whole number, such as {name}={NUMBERS[name]}.")
    return name, int(value)


def draw(opened: Any, folder: Path, numbers: Mapping[str, int]) -> list[Path]:
    """Writes the files and returns their paths."""
    import numpy as np
    import torch

    from vaerun.evaluation.picture import save_png
    from vaerun.evaluation.pictures import Pictures
    from vaerun.trainer.seed import isolated

    folder.mkdir(exist_ok=True)
    pictures = Pictures(opened.strategy, opened.data)
    model = opened.strategy.bound.model
    with isolated(numbers["seed"], opened.data.train.x.device), torch.no_grad():
        z = model.prior.sample(numbers["n"])
        mean, x = model.mean(z), model.observe(z)
        written = [folder / "samples.npz"]
        shaped = (len(z), *opened.data.shape)
        np.savez_compressed(
            written[0], z=z.cpu().numpy(), mean=mean.cpu().numpy().reshape(shaped), x=x.cpu().numpy().reshape(shaped)
        )
        if pictures.drawable():
            drawings = {
                "prior": pictures.grid(mean, 8),
                "reconstructions": pictures.reconstruction_picture(numbers["n"]),
                "traversal": pictures.traversal_picture(numbers["latents"]),
            }
            for name, picture in drawings.items():
                save_png(folder / f"{name}.png", picture)
                written.append(folder / f"{name}.png")
    return written
