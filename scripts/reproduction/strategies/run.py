"""Runs what is missing, in an order in which the table is balanced after any interruption."""

import logging
from collections.abc import Iterator
from pathlib import Path

import torch

from reproduction.strategies import files
from reproduction.strategies.grid import DATA, SEEDS, Cell, cells
from reproduction.strategies.measure import Lab
from reproduction.strategies.results import Results, read
from vaerun.errors import UserError

ORDER = (
    ("at", SEEDS[0]),
    ("more", SEEDS[0]),
    *(("at", seed) for seed in SEEDS[1:]),
    *(("more", seed) for seed in SEEDS[1:]),
)
"""Bounds (at) and gaps with the cross matrix (more), by seed: an interval needs the bounds of several seeds."""


def phases() -> Iterator[tuple[str, Cell]]:
    """What is measured, and of which cell, one after another."""
    for what, seed in ORDER:
        yield from ((what, cell) for cell in cells(seed))


def run(stored: Path, folder: Path, root: Path | None, *, budget: str, machine: str) -> None:
    """Trains and measures, and stores after every cell.

    Args:
        stored: the JSON file; what it has of this budget is not run again.
        folder: of the runs.
        root: the folder with MNIST and Fashion-MNIST; None for $VAERUN_DATA or a download.
        budget: ``full`` or ``short``.
        machine: processor and versions.
    """
    results = read(stored) if stored.exists() else Results(budget)
    if results.budget != budget:
        results = Results(budget)
    place = folder.resolve() / "strategies"
    files.write(place / "data", root)
    logging.getLogger("vaerun").setLevel(logging.ERROR)  # warnings of so many short runs; the page has their figures
    torch.set_num_threads(1)
    lab = Lab(place / budget, place / "data", results.budgets)
    if machine not in results.machines:
        results.machines.append(machine)
    for name, source in DATA.items():
        if source.experiment == "images" and name not in results.without_latents:
            results.without_latents[name] = lab.without_latents(name)
    for what, cell in phases():
        known = results.runs.get(cell, {})
        if "/".join(cell[:3]) in results.refused or what in known:
            continue
        try:
            found = lab.train(cell) if what == "at" else lab.compare(cell)
        except UserError as error:
            results.refused["/".join(cell[:3])] = str(error)
        else:
            results.runs[cell] = {**known, **found, "machine": results.machines.index(machine)}
        save(stored, results)
        print(what, cell.name, results.runs.get(cell, {}).get(what), flush=True)


def save(path: Path, results: Results) -> None:
    """Replaces the file as a whole, so that an interruption cannot damage it."""
    part = path.with_name(f".{path.name}")
    part.write_text(results.text())
    part.replace(path)
