"""The comparison in one sentence: which configuration is better, by how much, and at what cost."""

from collections.abc import Sequence

from vaerun.metric.interval import difference
from vaerun.report.cell import cells
from vaerun.report.column import Column, writer
from vaerun.report.matched import At
from vaerun.report.row import Row, is_tied, ranked

PRICE = "decoder_evaluations"


def answer(rows: Sequence[Row], headline: Column | None, at: At | None) -> str:
    """One sentence about the best row and the next one."""
    at_cost = "" if at is None else f"at {at.words}, "
    if headline is None:
        if any("/" in name for row in rows for name in row.samples):
            return _capital(f"{at_cost}no metric declares which direction is better, so the rows cannot be sorted.")
        return _capital(f"{at_cost}no run has a bound to compare yet.")
    having = ranked(rows, headline)
    if not having:
        return _capital(
            f"{at_cost}no run has a {headline.title} of at least {headline.minimum or 0:g}, its minimum in theory."
        )
    if len(having) == 1:
        (cell,) = cells(having, headline)
        reached = f", {cell.written()} {headline.unit}" if cell is not None else ""
        return _capital(f"{at_cost}{having[0].name} is the only configuration with a {headline.title}{reached}.")
    leader, *others = having
    tied = [row for row in others if is_tied(row, leader, headline.name)]
    against = tied[0] if tied else others[0]
    sentence = f"{at_cost}{leader.name} {_lead(leader, against, headline)}{_price(leader, against, at)}"
    if not tied:
        return _capital(f"{sentence}.")
    clear = [row for row in others if row not in tied]
    more = f" (and {len(tied) - 1} more)" if len(tied) > 1 else ""
    rest = f"; {clear[0].name}{f' and {len(clear) - 1} more are' if clear[1:] else ' is'} worse" if clear else ""
    return _capital(f"{sentence}: the 95 % interval of the difference contains 0{more}{rest}.")


def _lead(leader: Row, against: Row, headline: Column) -> str:
    a, b = leader.samples[headline.name], against.samples[headline.name]
    found = difference(a, b)
    write = writer(headline, [found])
    ahead = f"is better than {against.name} by {write(abs(found.mean))}"
    n, m = len(a.values), len(b.values)
    counts = f"{n} seeds" if n == m else f"{n} and {m} seeds"
    if found.half_width is None:
        return f"{ahead} nat of {headline.title} (1 seed each, no interval)"
    within = f"{ahead} ± {write(found.half_width)} nat of {headline.title}"
    return (
        f"{within} ({counts})"
        if found.kind == "seeds"
        else f"{within} (1 seed each; ± is over test points, not over seeds)"
    )


def _price(leader: Row, against: Row, at: At | None) -> str:
    """How many times as many decoder evaluations the better configuration has used."""
    if (at is not None and at.cost == PRICE) or PRICE not in leader.samples or PRICE not in against.samples:
        return ""
    low = against.samples[PRICE].mean
    if low <= 0:
        return ""
    ratio = leader.samples[PRICE].mean / low
    if abs(ratio - 1) < 0.05:
        return ", with as many decoder evaluations"
    return f", with {ratio:,.{0 if ratio >= 10 else 1 if ratio >= 2 else 2}f} times the decoder evaluations"


def _capital(sentence: str) -> str:
    """A sentence begins with a capital, but the name of a configuration is as it is."""
    return sentence[0].upper() + sentence[1:] if sentence.startswith(("at ", "no ")) else sentence
