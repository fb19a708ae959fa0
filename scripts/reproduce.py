"""Published tables, beside ours: runs what a paper's table needs, and writes it into docs/reproduced.md.

    python scripts/reproduce.py lucas2019                       # the whole budget of the paper
    python scripts/reproduce.py burda2016 --budget short        # a shortened one; its rows say so
    python scripts/reproduce.py burda2016 --budget short --only burda2016/vae_k5    # one row; the others stay
    python scripts/reproduce.py --page                          # only the pages, from the stored figures
    python scripts/reproduce.py strategies --budget short       # no paper: every strategy, docs/strategies.md

Every run is a ``vaerun train experiment=PAPER/NAME`` in its own folder under --runs. Started again, the script goes on
where it stopped: finished runs and measurements are taken as they are, an interrupted run is resumed, and a run with a
shorter budget is trained longer where that does not change its earlier steps. The results go into
docs/reproduced/PAPER.json, and from there between the marks of the paper in docs/reproduced.md. With --page, the words
around the stored figures become those of the present script.

``strategies`` trains in this process, stores every finished run in docs/reproduced/strategies.json, and fills
docs/strategies.md, also if it is interrupted. The results of one budget replace those of the other. The short budget
takes a few hours of one core, the full one ten times as long.

MNIST is downloaded, or read from --data or $VAERUN_DATA. A whole budget can take days on a processor (burda2016,
cremer2018). --only divides such a table over several sittings and machines.
"""

import argparse
import platform
import sys
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reproduction.laboratory import Laboratory
from reproduction.page import PAGE, STORED, filled, stored
from reproduction.strategies import page as strategies
from reproduction.strategies import picture, results
from reproduction.table import Table

PAPERS = (
    "burda2016",
    "cremer2018",
    "dong2020",
    "he2019",
    "kim2018",
    "lucas2019",
    "marino2018",
    "pythae",
    "rainforth2018",
    "tucker2017",
    "wu2017",
)

NUMBERS = {"cpu family": "family", "model": "model"}  # of /proc/cpuinfo


def main() -> None:
    """Runs, stores and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = (*PAPERS, "strategies")
    parser.add_argument("papers", nargs="*", choices=[[], *names], metavar="PAPER", help=", ".join(names))
    parser.add_argument("--budget", choices=("full", "short"), default="full", help="default: full")
    parser.add_argument("--runs", type=Path, default=Path("runs/reproduced"), help="folder of the runs")
    parser.add_argument("--data", type=Path, help="folder with MNIST, Fashion-MNIST and binarized_mnist.npz")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="EXPERIMENT", help="rows of one paper; the stored others stay"
    )
    parser.add_argument("--page", action="store_true", help="write the page from the stored figures, and run nothing")
    options = parser.parse_args()
    if not options.papers and not options.page:
        parser.error("name a paper, or --page")
    if options.only:
        known = rows_of(options.papers, short=options.budget == "short")
        if wrong := sorted(set(options.only) - set(known)):
            parser.error(f"--only: no row of its own is {', '.join(wrong)}; there are {', '.join(known) or 'none'}")
    if "strategies" in options.papers:
        compare_strategies(options)
    if options.page or "strategies" in options.papers:
        write_strategies()
    laboratory = Laboratory(options.runs, short=options.budget == "short", data=options.data, only=options.only)
    for paper in stored() if options.page else [paper for paper in options.papers if paper != "strategies"]:
        table = worded(stored()[paper]) if options.page else made(paper, laboratory, options.budget)
        if laboratory.only and paper in stored():
            table = stored()[paper].joined(table, rows_of([paper], short=laboratory.short))
        STORED.mkdir(exist_ok=True)
        (STORED / f"{paper}.json").write_text(table.text())
        if not options.page:
            print(table.markdown())
    PAGE.write_text(filled(PAGE.read_text(), stored()))


def rows_of(papers: list[str], *, short: bool) -> list[str]:
    """The experiments that are rows of their own in the table of one paper; rows of other papers are compared."""
    if len(papers) != 1 or papers == ["strategies"]:
        return []
    names = getattr(import_module(f"reproduction.{papers[0]}"), "names", None)
    return names(short=short) if names else []


def compare_strategies(options: argparse.Namespace) -> None:
    """Runs what the page of the strategies needs; what is stored stays if this is interrupted."""
    from reproduction.strategies.run import run

    try:
        run(strategies.STORED, options.runs, options.data, budget=options.budget, machine=machine())
    except KeyboardInterrupt:
        print("interrupted; the page is written from what is stored", file=sys.stderr)


def write_strategies() -> None:
    """Fills the page of the strategies, and draws its picture."""
    found = results.read(strategies.STORED)
    strategies.PAGE.write_text(strategies.filled(strategies.PAGE.read_text(), found))
    picture.draw(found, strategies.PICTURE)


def made(paper: str, laboratory: Laboratory, budget: str) -> Table:
    """Runs what the table of a paper needs."""
    rows = import_module(f"reproduction.{paper}").rows(laboratory)
    command = f"python scripts/reproduce.py {paper}{'' if budget == 'full' else f' --budget {budget}'}"
    return worded(Table(paper, "", "", rows, machine(), command))


def worded(table: Table) -> Table:
    """The same figures with what the paper's module says about them now."""
    module = import_module(f"reproduction.{table.paper}")
    return replace(table, reference=module.REFERENCE, source=module.SOURCE, remarks=module.REMARKS)


def machine() -> str:
    """The processor, and the versions. Where its name is that of many models, its numbers tell which one it is."""
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(cpu_lines()))}
    numbers = ", ".join(f"{word} {facts[key]}" for key, word in NUMBERS.items() if key in facts)
    processor = facts.get("model name") or platform.machine()
    python = platform.python_version()
    where = f"{processor} ({numbers})" if numbers else processor
    return f"one thread of {where}, Python {python}, torch {version('torch').partition('+')[0]}"


def cpu_lines() -> list[str]:
    """/proc/cpuinfo, where there is one."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    main()
