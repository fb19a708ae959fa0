"""A table of the page: its rows, stored as JSON, and as Markdown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

HEADER = (
    "| run | figure | ours | published | difference | seeds | budget | seconds |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Row:
    """One figure beside the published one.

    Args:
        name: the experiment, and what is special in this row.
        quantity: what is compared, with its unit.
        ours: our figure.
        error: its standard error; None where it has none.
        published: the published figure; None where none could be traced, or where the claim is one of order.
        spread: of the published figure; None where the source gives none.
        claim: what the paper says in words, where it is no number.
        holds: whether the claim holds in our run; None where it is open.
        seeds: of the runs.
        budget: how much of the paper's budget was used; a shortened run says so.
        seconds: of training and of measuring, together.
        command: as a reader types it.
        digits: decimal places.
        machine: of this row, where it is not that of the table.
    """

    name: str
    quantity: str
    ours: float
    command: str
    budget: str
    seconds: float
    error: float | None = None
    published: float | None = None
    spread: float | None = None
    claim: str = ""
    holds: bool | None = None
    seeds: tuple[int, ...] = (0,)
    digits: int = 2
    machine: str = ""

    def markdown(self) -> str:
        """The line of the table."""
        cells = [
            f"`{self.name}`",
            self.quantity,
            with_error(self.ours, self.error, self.digits),
            self.said(),
            self.difference(),
            ", ".join(map(str, self.seeds)),
            self.budget,
            f"{self.seconds:,.0f}",
        ]
        return f"| {' | '.join(cells)} |"

    def said(self) -> str:
        """The published figure, or the claim in words."""
        if self.published is not None:
            return with_error(self.published, self.spread, self.digits)
        return self.claim or "not traced"

    def difference(self) -> str:
        """Ours minus the published figure, or whether the claim holds."""
        if self.published is not None:
            return signed(self.ours - self.published, self.digits)
        return {True: "holds", False: "**does not hold**", None: "open" if self.claim else ""}[self.holds]


def above(difference: float, error: float) -> bool | None:
    """Whether a difference is above 0 by more than two standard errors; None where noise can decide."""
    return None if abs(difference) <= 2 * error else difference > 0


@dataclass(frozen=True)
class Table:
    """The results of a paper on one machine.

    Args:
        paper: its name in conf/experiment.
        reference: authors, year and title.
        source: where the published figures were read.
        rows: the figures.
        remarks: what a reader must know: differences of the protocol, reasons for a difference of the figures.
        machine: processor, threads and versions.
        command: of the script.
    """

    paper: str
    reference: str
    source: str
    rows: Sequence[Row]
    machine: str
    command: str
    remarks: Sequence[str] = field(default_factory=tuple)

    def text(self) -> str:
        """The content of the JSON file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    def joined(self, later: "Table", order: Sequence[str]) -> "Table":
        """This table with the rows of a later sitting in place of those of the same experiments.

        Args:
            later: the rows of some experiments, perhaps from another machine.
            order: of the experiments.
        """
        again = {row.name for row in later.rows}
        kept = [replace(row, machine=row.machine or self.machine) for row in self.rows if row.name not in again]
        rows = sorted([*kept, *later.rows], key=lambda row: order.index(row.name) if row.name in order else len(order))
        mine = [row if row.machine != later.machine else replace(row, machine="") for row in rows]
        return replace(later, rows=mine)

    def markdown(self) -> str:
        """The section of the page, without its marks."""
        commands = dict.fromkeys(row.command for row in self.rows)
        elsewhere = [f"`{row.name}` on {row.machine}" for row in self.rows if row.machine]
        machines = "; ".join([self.machine, *dict.fromkeys(elsewhere)])
        parts = [
            f"{self.reference}. Published figures: {self.source}",
            "\n".join([HEADER, *(row.markdown() for row in self.rows)]),
            *(["\n".join(f"- {remark}" for remark in self.remarks)] if self.remarks else []),
            f"Measured on {machines}, by `{self.command}`, which ran:",
            "\n".join(
                ["<!-- not run: it takes minutes to hours, and most of it needs MNIST -->", "```sh", *commands, "```"]
            ),
        ]
        return "\n\n".join(parts)


def read(path: Path) -> Table:
    """The table of a JSON file."""
    content: dict[str, Any] = json.loads(path.read_text())
    rows = [Row(**{**row, "seeds": tuple(row["seeds"])}) for row in content.pop("rows")]
    return Table(rows=rows, **content)


def signed(value: float, digits: int) -> str:
    """With its sign, and a minus as it is printed."""
    return f"{value:+.{digits}f}".replace("-", "−")


def with_error(value: float, error: float | None, digits: int) -> str:
    """The value ± its error."""
    written = f"{value:.{digits}f}".replace("-", "−")
    return written if error is None else f"{written} ± {error:.{digits}f}"
