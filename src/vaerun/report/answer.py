"""The comparison in one sentence: which configuration is better, by how much, and at what cost."""

from collections.abc import Mapping, Sequence

from vaerun.metric.interval import difference
from vaerun.report.budget import said
from vaerun.report.cell import cells
from vaerun.report.column import Column, writer
from vaerun.report.matched import At
from vaerun.report.row import MACHINE, TOLERANCE, Row, is_tied, machines, of_other_data, ranked

PRICE = "decoder_evaluations"
TIME = "seconds"
EQUAL = 0.05  # relative difference of a cost, up to which it is called equal


def answer(rows: Sequence[Row], headline: Column | None, at: At | None, budgets: Mapping[str, Sequence[str]]) -> str:
    """One sentence about the best row and the next one; different budgets are said first."""
    at_cost = "" if at is None else f"at {at.words}, "
    at_cost = f"the budgets differ ({said(budgets)}): {at_cost}" if budgets else at_cost
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
    told = of_other_data(having, headline)
    if told is not None:
        return (
            f"The runs use different data ({told}), so no {headline.title} here can be called better or worse than "
            "another."
        )
    leader, *others = having
    tied = [row for row in others if is_tied(row, leader, headline)]
    if not tied:
        return _capital(f"{at_cost}{_ahead(leader, others[0], headline, _price(leader, others[0], at))}.")
    clear = [row for row in others if row not in tied]
    more = f" (and {len(tied) - 1} more)" if len(tied) > 1 else ""
    return _capital(
        f"{at_cost}{leader.name} and {tied[0].name}{more} cannot be told apart: they differ by "
        f"{_amount(leader, tied[0], headline)}, and the 95 % interval of the difference contains 0"
        f"{_dearer(leader, tied[0], at)}{_behind(leader, clear, headline)}."
    )


def _ahead(leader: Row, against: Row, headline: Column, price: str) -> str:
    """The leader is better only over two seeds or more of each."""
    amount = f"{_amount(leader, against, headline)}{price}"
    if _fewest((leader, against), headline) > 1:
        return f"{leader.name} is better than {against.name} by {amount}"
    return f"{leader.name} is ahead of {against.name} by {amount}; with one seed, nothing can be said of other seeds"


def _behind(leader: Row, clear: Sequence[Row], headline: Column) -> str:
    """The rows that the leader can be told from."""
    if not clear:
        return ""
    worse = "worse" if _fewest((leader, *clear), headline) > 1 else "further behind"
    return f"; {clear[0].name}{f' and {len(clear) - 1} more are' if clear[1:] else ' is'} {worse}"


def _fewest(rows: Sequence[Row], headline: Column) -> int:
    return min(len(row.samples[headline.name].values) for row in rows)


def _amount(leader: Row, against: Row, headline: Column) -> str:
    """``0.90 ± 0.56 nat of test ELBO (3 seeds)``"""
    a, b = leader.samples[headline.name], against.samples[headline.name]
    found = difference(a, b)
    write = writer(headline, [found])
    n, m = len(a.values), len(b.values)
    if found.half_width is None:
        return f"{write(abs(found.mean))} nat of {headline.title} (1 seed each, no interval)"
    within = f"{write(abs(found.mean))} ± {write(found.half_width)} nat of {headline.title}"
    if found.kind == "seeds":
        return f"{within} ({f'{n} seeds' if n == m else f'{n} and {m} seeds'})"
    return f"{within} (1 seed each; ± is over test points, not over seeds)"


def _price(leader: Row, against: Row, at: At | None) -> str:
    """How many times as many decoder evaluations the better configuration has used."""
    if (at is not None and at.cost == PRICE) or PRICE not in leader.samples or PRICE not in against.samples:
        return ""
    low = against.samples[PRICE].mean
    if low <= 0:
        return ""
    ratio = leader.samples[PRICE].mean / low
    if abs(ratio - 1) < EQUAL:
        return ", with as many decoder evaluations"
    return f", with {_times(ratio)} the decoder evaluations"


def _dearer(one: Row, other: Row, at: At | None) -> str:
    """Which of two rows that cannot be told apart has used more decoder evaluations, or else more time."""
    for cost, words, equal in (
        (PRICE, "decoder evaluations", EQUAL),
        (TIME, "training seconds", TOLERANCE),
    ):
        if (at is not None and at.cost == cost) or cost not in one.samples or cost not in other.samples:
            continue
        if cost in MACHINE and len(machines((one, other))) > 1:
            continue
        more, less = sorted((one, other), key=lambda row: -row.samples[cost].mean)
        high, low = more.samples[cost].mean, less.samples[cost].mean
        if low > 0 and high / low - 1 >= equal:
            return f"; {more.name} has used {_times(high / low)} the {words} of {less.name}"
    return ""


def _times(ratio: float) -> str:
    return f"{ratio:,.{0 if ratio >= 10 else 1 if ratio >= 2 else 2}f} times"


def _capital(sentence: str) -> str:
    """A sentence begins with a capital, but the name of a configuration is as it is."""
    return sentence[0].upper() + sentence[1:] if sentence.startswith(("at ", "no ", "the budgets ")) else sentence
