"""The generated parts of docs/strategies.md: every figure of the page comes from here."""

from collections.abc import Iterable, Sequence

from reproduction.strategies.files import TABLE_TRAIN, TEST, TRAIN
from reproduction.strategies.grid import BATCH, DATA, FAMILIES, SEEDS, STRATEGIES, Budget, Cell
from reproduction.strategies.measure import POINTS, K
from reproduction.strategies.results import Mean, Results, mean, seeds_of
from reproduction.strategies.verdict import BLOCKS, FEWEST, Block, above, difference, half_width, key, verdict
from reproduction.table import signed

BUDGETS = Budget._fields[::-1]
"""Kinds of equal cost."""

CROSS = {
    "own": "elbo",
    "own encoder": "elbo_encoder",
    "fitted encoder": "elbo_fitted_encoder",
    "20 steps from it": "elbo_refined_20",
    "ascent": "elbo_coordinate",
}
"""Columns of the cross matrix."""

CLOSE = 0.2
"""Nats below which the page says how near the best two entries of a cross matrix are."""


def sections(results: Results) -> dict[str, str]:
    """The generated parts by the name of their marks."""
    return {
        "standing": standing(results),
        "places": places(results),
        "answer": answer(results),
        "growth": growth(results),
        "winners": winners(results),
        "distance": distance(results),
        "why": why(results),
        "evaluations": bounds(results, "evaluations"),
        "seconds": bounds(results, "seconds"),
        "cost": cost(results),
        "gaps": gaps(results),
        "cross": cross(results),
        "limits": limits(results),
        "commands": commands(results),
    }


def answer(results: Results) -> str:
    """What the figures say, as a list."""
    lines = [changes(results), *falling(results), *because(results), *without_latents(results.at_budget(0))]
    return "\n".join(f"- {line}" for line in lines if line)


def views(results: Results) -> dict[str, tuple[Results, str]]:
    """Columns of the tables of all budgets: the results to look at, and the kind of equal cost."""
    found = {}
    for budget in BUDGETS:
        for place in range(len(results.budgets)):
            view = results.at_budget(place)
            found[amount(view, budget)] = (view, budget)
    if len(results.budgets) > 1:
        for budget in BUDGETS:
            found[f"{amount(results, budget)}, stopped"] = (results.stopped(), budget)
    return found


def standing(results: Results) -> str:
    """In how many blocks each strategy has the highest mean, at every budget."""
    rows = [[name, *(wins(view, budget, name) for view, budget in views(results).values())] for name in STRATEGIES]
    return table(["strategy", *views(results)], rows)


def wins(results: Results, budget: str, name: str) -> str:
    """The number of blocks, and in brackets in how many of them it is better than all others beyond noise."""
    found = [one for block in BLOCKS if (one := verdict(results, block, budget)) is not None and one.best == name]
    return f"{len(found)} ({sum(one.clear for one in found)})" if found else "0"


def places(results: Results) -> str:
    """The mean place of each strategy, at every budget."""
    columns = [ranks(view, budget) for view, budget in views(results).values()]
    rows = [[name, *(f"{one[name]:.1f}" if name in one else "" for one in columns)] for name in STRATEGIES]
    return table(["strategy", *views(results)], rows)


def ranks(results: Results, budget: str) -> dict[str, float]:
    """The mean place of each strategy in the order of the test ELBO, over the blocks."""
    places: dict[str, list[int]] = {name: [] for name in STRATEGIES}
    for block in BLOCKS:
        means = {name: results.mean(key(block, name), "at", budget, "elbo") for name in STRATEGIES}
        known = {name: one.value for name, one in means.items() if one is not None}
        for place, name in enumerate(sorted(known, key=lambda name: -known[name]), start=1):
            places[name].append(place)
    return {name: sum(some) / len(some) for name, some in places.items() if some}


def falling(results: Results) -> Iterable[str]:
    """In how many blocks more training has lowered the test ELBO of a strategy, beyond the noise of the seeds."""
    found = {name: [lower(results, block, name) for block in BLOCKS] for name in STRATEGIES}
    known = {name: [one for one in some if one is not None] for name, some in found.items()}
    parts = [f"{name} in {sum(some)} of {len(some)}" for name, some in known.items() if some]
    if parts:
        yield (
            f"**More training can lower the test ELBO** (overfitting). It is lower after {amount(results, 'seconds')} "
            "of the processor than after a smaller budget, beyond the noise of the seeds: "
            f"{listed(parts)} pairs of data set and family."
        )


def lower(results: Results, block: Block, name: str) -> bool | None:
    """Whether the test ELBO at equal seconds is lower at the largest budget than at an earlier one."""
    last = results.values(key(block, name), "at", "seconds", "elbo")
    some = []
    for place in range(len(results.budgets) - 1):
        first = results.at_budget(place).values(key(block, name), "at", "seconds", "elbo")
        some.append(mean([first[seed] - last[seed] for seed in sorted(last)]) if last else None)
    known = [one for one in some if one is not None]
    return any(above(one) for one in known) if known else None


def changes(results: Results) -> str:
    """Whether the kind of equal cost changes the strategy with the highest mean, and whether that is noise."""
    other, beyond = 0, []
    for block in BLOCKS:
        first, second = (verdict(results, block, budget) for budget in BUDGETS)
        if first is not None and second is not None and first.best != second.best:
            other += 1
            if second.best not in first.open and first.best not in second.open:
                beyond.append(f"{title(block)} ({first.best}, {second.best})")
    if not other:
        return "The highest mean is that of the same strategy at both kinds of equal cost, in all pairs."
    told = f"these {len(beyond)} pairs: {listed(beyond)}" if beyond else "none of them"
    return (
        f"**Equal decoder evaluations or equal seconds?** Between {amount(results, 'evaluations')} evaluations and "
        f"{amount(results, 'seconds')}, the strategy with the highest mean differs in {other} of {len(BLOCKS)} pairs; "
        f"both differences are beyond the noise of the seeds in {told}."
    )


def because(results: Results) -> Iterable[str]:
    """The reasons, each with the figures that support it."""
    steps = {name: spread(results, name, "at", "evaluations", "steps") for name in STRATEGIES}
    if all(steps.values()):
        yield (
            f"**How many θ-steps a budget pays for.** {results.limits.evaluations:,} decoder evaluations: "
            f"{listed([f'{name} {interval(steps[name], 0)}' for name in STRATEGIES])}."
        )
    yield from visits(results)
    lost = {name: spread(results, name, "more", "gap", "amortization") for name in STRATEGIES}
    low = [f"{interval(lost[name], 2)} ({name})" for name in STRATEGIES if lost[name]]
    if low:
        yield (
            "**How far q is from the best one of its family** (amortization gap, in nats; with the flow it is at least "
            f"this): {listed(low)}{of_seeds(results)}. A θ that hardly uses z has small gaps, so a small gap is no "
            "merit by itself."
        )
    parts = [part for block in BLOCKS for part in apart(results, block).values()]
    if parts:
        larger = sum(abs(theta) > abs(q) for theta, q in parts)
        yield (
            "**θ or q?** The difference of a strategy from amortized is the sum of a part of θ and a part of q "
            f"([below](#where-the-differences-come-from)); that of θ is the larger one in {larger} of {len(parts)} "
            f"differences{of_seeds(results)}."
        )
    yield from best_cells(results)


def best_cells(results: Results) -> Iterable[str]:
    """Which model and which q are the best of each cross matrix."""
    found: dict[tuple[str, str], int] = {}
    for block in BLOCKS:
        matrix = {
            (name, column): one.value
            for name in STRATEGIES
            for column, tag in CROSS.items()
            if (one := entry(results, block, name, tag)) is not None
        }
        if matrix:
            best = max(matrix, key=lambda cell: matrix[cell])
            found[best] = found.get(best, 0) + 1
    if found:
        parts = [f"{name} with {column} in {n}" for (name, column), n in found.items()]
        yield (
            f"**The best θ and the best q together**: the highest ELBO in each of the {sum(found.values())} cross "
            f"matrices (θ trained by a strategy, with q found in one of {len(CROSS)} ways) is that of {listed(parts)}"
            f"{of_seeds(results)}; {close_cells(results)}."
        )


def close_cells(results: Results) -> str:
    """In how many cross matrices another θ is close to the best one."""
    close = 0
    for block in BLOCKS:
        best = {
            name: max(known)
            for name in STRATEGIES
            if (known := [one.value for tag in CROSS.values() if (one := entry(results, block, name, tag)) is not None])
        }
        first, *others = sorted(best.values(), reverse=True)
        close += bool(others) and first - others[0] < CLOSE
    return f"in {close} of them another θ is within {CLOSE:g} nats, on the same {POINTS} points"


def entry(results: Results, block: Block, name: str, tag: str) -> Mean | None:
    """One entry of a cross matrix."""
    return results.mean(key(block, name), "more", "cross", tag)


def of_seeds(results: Results) -> str:
    """The seeds of gaps and cross matrices, in brackets."""
    found = seeds_of(cell for cell, run in results.runs.items() if "more" in run)
    return f" (seed{'s' if len(found) > 1 else ''} {', '.join(map(str, found))})"


def visits(results: Results) -> Iterable[str]:
    """How far joint ascent is from the encoder, beside the number of visits of a point."""
    parts = []
    for data in DATA:
        block = (data, "gaussian")
        steps = results.mean(key(block, "joint"), "at", "evaluations", "steps")
        found = difference(results, block, "joint", "amortized", "evaluations")
        if steps is not None and found is not None:
            visited = steps.value * BATCH / (TABLE_TRAIN if data == "missing" else TRAIN)
            parts.append(f"{signed(found.value, 2)} nats with {visited:.0f} visits of a point ({DATA[data].title})")
    if parts:
        yield (
            "**joint takes as many θ-steps as amortized**, but moves a φ_i only when its point is visited. Gaussian, "
            f"at equal decoder evaluations, it differs from amortized by {listed(parts)}."
        )


def without_latents(results: Results) -> Iterable[str]:
    """How far the strategies are above a model without latents, on images."""
    for data, value in results.without_latents.items():
        above = {
            name: [
                one.value - value for family in FAMILIES if (one := elbo_of(results, data, family, name)) is not None
            ]
            for name in STRATEGIES
        }
        parts = [f"{name} {signed(some[0], 1)}" for name, some in above.items() if some]
        if parts:
            low = [name for name, some in above.items() if some and max(some) < 0.5]
            yield (
                f"On {DATA[data].title}, a model without latents (independent pixels) has "
                f"{f'{value:.2f}'.replace('-', '−')}. Test ELBO minus this, gaussian, after "
                f"{amount(results, 'evaluations')} decoder evaluations: {listed(parts)}."
                + (
                    f" Less than half a nat above it with every family: {listed(low)}. The order of these says nothing "
                    "about models that are trained."
                    if low
                    else ""
                )
            )


def elbo_of(results: Results, data: str, family: str, name: str) -> Mean | None:
    """The test ELBO at equal decoder evaluations."""
    return results.mean((data, family, name), "at", "evaluations", "elbo")


def winners(results: Results) -> str:
    """The table of verdicts."""
    rows = []
    for block in BLOCKS:
        cells = []
        for budget in BUDGETS:
            one = verdict(results, block, budget)
            if one is None:
                cells.append("")
            elif one.clear:
                cells.append(f"**{one.best}**")
            elif len(one.open) == len(STRATEGIES) - 1:
                cells.append(f"{one.best}; all others open")
            else:
                cells.append(f"**{one.best}**; open: {', '.join(one.open)}")
        rows.append([DATA[block[0]].title, block[1], *cells])
    return table(["data", "family", *(f"equal {named(results, budget)}" for budget in BUDGETS)], rows)


def distance(results: Results) -> str:
    """Each strategy minus amortized, paired over seeds."""
    others = [name for name in STRATEGIES if name != "amortized"]
    rows = []
    for budget in BUDGETS:
        for block in BLOCKS:
            cells = [apart_in(results, block, name, budget) for name in others]
            rows.append([budget, DATA[block[0]].title, block[1], *cells])
    return table(["equal", "data", "family", *others], rows)


def apart_in(results: Results, block: Block, name: str, budget: str) -> str:
    """One difference from amortized with its interval; bold where the interval excludes 0."""
    found = difference(results, block, name, "amortized", budget)
    if found is None:
        return refusal(results, block, name)
    if found.seeds < FEWEST:
        return f"{signed(found.value, 2)} ({found.seeds} seed{'s' if found.seeds > 1 else ''})"
    text = f"{signed(found.value, 2)} ± {half_width(found):.2f}"
    return f"**{text}**" if abs(found.value) > half_width(found) else text


def apart(results: Results, block: Block) -> dict[str, tuple[float, float]]:
    """The parts of θ and of q in the difference of each strategy from amortized, over the seeds of the cross matrix."""
    found = {}
    for name in STRATEGIES:
        if name != "amortized":
            pair = key(block, name), key(block, "amortized")
            theta = results.difference(*pair, "more", "cross", "elbo_coordinate")
            lost = results.difference(*pair, "more", "cross", "lost")
            if theta is not None and lost is not None:
                found[name] = (theta.value, -lost.value)
    return found


def why(results: Results) -> str:
    """The table of both parts."""
    rows = []
    for block in BLOCKS:
        for name, (theta, q) in apart(results, block).items():
            rows.append(
                [
                    DATA[block[0]].title,
                    block[1],
                    name,
                    *(signed(value, 2) for value in (theta + q, theta, q)),
                    seeds(results.values(key(block, name), "more", "cross", "elbo")),
                ]
            )
    return table(["data", "family", "strategy", "difference from amortized", "of θ", "of q", "seeds"], rows)


def bounds(results: Results, budget: str) -> str:
    """Test ELBO and L_K of all cells at one kind of equal cost."""
    rows = []
    for data in DATA:
        for name in STRATEGIES:
            cells = []
            for family in FAMILIES:
                cells += [figure(results, (data, family), name, "at", budget, what) for what in ("elbo", "iwae")]
            rows.append([DATA[data].title, name, *cells, of_row(results, data, name, "at")])
    return table(["data", "strategy", *both("ELBO", f"L_{K}"), "seeds"], rows)


def cost(results: Results) -> str:
    """What each training took: the other cost at each budget, θ-steps, and seconds of the test."""
    rows = []
    for data in DATA:
        for name in STRATEGIES:
            cells = []
            for family in FAMILIES:
                for path, digits in COSTS.items():
                    found = results.mean((data, family, name), "at", *path)
                    cells.append("" if found is None else f"{found.value:,.{digits}f}")
            rows.append([DATA[data].title, name, *cells])
    return table(["data", "strategy", *both("s", "evaluations", "θ-steps", "test s")], rows)


COSTS = {
    ("evaluations", "seconds"): 1,
    ("seconds", "evaluations"): 0,
    ("evaluations", "steps"): 0,
    ("evaluations", "test_seconds"): 2,
}
"""Figures of the table of costs, and their decimal places."""


def gaps(results: Results) -> str:
    """Both gaps of all cells that have been measured."""
    rows = []
    for data in DATA:
        for name in STRATEGIES:
            cells = []
            for family in FAMILIES:
                cells += [
                    figure(results, (data, family), name, "more", "gap", what, digits=digits)
                    for what, digits in (("approximation", 2), ("amortization", 2), ("converged", 2))
                ]
            if any(cells):
                rows.append([DATA[data].title, name, *cells, of_row(results, data, name, "more")])
    return table(["data", "strategy", *both("approximation", "amortization", "found"), "seeds"], rows)


def cross(results: Results) -> str:
    """The cross matrix of every block that has been measured."""
    parts = []
    for block in BLOCKS:
        rows = []
        for name in STRATEGIES:
            cells = [figure(results, block, name, "more", "cross", column) for column in CROSS.values()]
            if any(cells):
                rows.append([name, *cells, seeds(results.values(key(block, name), "more", "cross", "elbo"))])
        if rows:
            parts.append(f"{title(block)}:\n\n{table(['θ trained by', *CROSS, 'seeds'], rows)}")
    return "\n\n".join(parts)


def limits(results: Results) -> str:
    """Sizes, budgets, seeds and the machine, as a list."""
    at = {cell: run for cell, run in results.runs.items() if "at" in run}
    more = [cell for cell, run in results.runs.items() if "more" in run]
    slow = [slowest(results, block, name) for block in BLOCKS for name in STRATEGIES]
    ratios = [ratio for ratio in slow if ratio is not None]
    lines = [
        f"Small data: {TRAIN:,} training points and {TEST} test points of each set of images, 14 × 14 pixels, and of "
        f"the counts; 10 latents, one hidden layer of 64 units, batches of {BATCH}, Adam at 0.003. The table has "
        f"{TABLE_TRAIN} training points.",
        f"Budgets of up to {results.limits.evaluations:,} decoder evaluations and {results.limits.seconds:g} s of one "
        f"thread (`--budget {results.budget}`). What needs longer training is at a disadvantage here.",
        f"A step is not divided, so a training may exceed the budget. In the mean over runs, and at most, the decoder "
        f"evaluations are this part of the budget: {listed(list(exceeding(results)))}. This is in favour of those that "
        "exceed it.",
        f"Seeds: {len(at)} of the {len(BLOCKS) * len(STRATEGIES) * len(SEEDS)} trainings of five seeds are stored, of "
        f"the seeds {', '.join(map(str, seeds_of(at)))}; gaps and the cross matrix of {len(more)}. Each row says how "
        "many seeds it has. The seeds share the test points, so that the errors are those of training and of the "
        "draws, not those of other test points.",
        f"Machine: {'; '.join(results.machines)}, with other work at the same time. Seconds are those of the processor "
        "in training steps, which depend on that work less than time on the wall, but do depend on it"
        + (f": the slowest seed of a training took up to {max(ratios):.1f} times the fastest." if ratios else "."),
    ]
    if results.refused:
        lines += [f"Refused by vaerun: `{name}`: {sentence}" for name, sentence in results.refused.items()]
    else:
        lines.append("vaerun refuses none of these combinations.")
    return "\n".join(f"- {line}" for line in lines)


def exceeding(results: Results) -> Iterable[str]:
    """The decoder evaluations of each strategy at that budget, as parts of it."""
    for name in STRATEGIES:
        parts = [
            value / results.limits.evaluations
            for block in BLOCKS
            for value in results.values(key(block, name), "at", "evaluations", "evaluations").values()
        ]
        if parts:
            yield f"{name} {sum(parts) / len(parts):.2f} and {max(parts):.2f}"


def slowest(results: Results, block: Block, name: str) -> float | None:
    """The largest over the smallest time of the same number of evaluations, over seeds."""
    times = results.values(key(block, name), "at", "evaluations", "seconds").values()
    return max(times) / min(times) if len(times) > 1 else None


def commands(results: Results) -> str:
    """The commands of two cells."""
    shown = (Cell("mnist", "gaussian", "amortized", 0), Cell("missing", "flow", "coordinate", 0))
    text = "\n".join(cell.command(results.limits) for cell in shown)
    return f"<!-- not run: FOLDER is where the script writes its data -->\n```sh\n{text}\n```"


def amount(results: Results, budget: str) -> str:
    """The limit with its unit."""
    return f"{results.limits.evaluations:,}" if budget == "evaluations" else f"{results.limits.seconds:g} s"


def named(results: Results, budget: str) -> str:
    """The limit in words."""
    return f"{'decoder evaluations' if budget == 'evaluations' else 'processor seconds'} ({amount(results, budget)})"


def growth(results: Results) -> str:
    """The test ELBO of every cell at every number of decoder evaluations."""
    found = [results.at_budget(place) for place in range(len(results.budgets))]
    rows = []
    for data in DATA:
        for name in STRATEGIES:
            cells = [
                figure(view, (data, family), name, "at", "evaluations", "elbo") for family in FAMILIES for view in found
            ]
            rows.append([DATA[data].title, name, *cells, of_row(results, data, name, "at")])
    return table(["data", "strategy", *both(*(amount(view, "evaluations") for view in found)), "seeds"], rows)


def title(block: Block) -> str:
    """A block in words."""
    return f"{DATA[block[0]].title}, {block[1]}"


def figure(results: Results, block: Block, name: str, *path: str, digits: int = 2) -> str:
    """Mean ± standard error over seeds; vaerun's refusal if the combination has no runs."""
    found = results.mean(key(block, name), *path)
    return refusal(results, block, name) if found is None else written(found, digits)


def refusal(results: Results, block: Block, name: str) -> str:
    """A mark of combinations that vaerun refuses, whose sentences are among the limits."""
    return "refused" if "/".join(key(block, name)) in results.refused else ""


def written(found: Mean, digits: int) -> str:
    """A mean with its standard error, and a minus as it is printed."""
    value = f"{found.value:.{digits}f}".replace("-", "−")
    return value if found.error is None else f"{value} ± {found.error:.{digits}f}"


def spread(results: Results, name: str, *path: str) -> tuple[float, float] | None:
    """The smallest and the largest mean of a strategy over the blocks."""
    found = [one.value for block in BLOCKS if (one := results.mean(key(block, name), *path)) is not None]
    return (min(found), max(found)) if found else None


def interval(ends: tuple[float, float] | None, digits: int) -> str:
    """Two ends as text, or one value."""
    assert ends is not None
    low, high = (f"{end:,.{digits}f}".replace("-", "−") for end in ends)
    return low if low == high else f"{low} to {high}"


def of_row(results: Results, data: str, name: str, part: str) -> str:
    """How many seeds the cells of a row have: one number, or one for each family."""
    path = ("at", "evaluations", "elbo") if part == "at" else ("more", "gap", "elbo")
    numbers = [len(results.values((data, family, name), *path)) for family in FAMILIES]
    return str(numbers[0]) if len(set(numbers)) == 1 else ", ".join(map(str, numbers))


def seeds(values: dict[int, float]) -> str:
    """The number of seeds."""
    return str(len(values))


def both(*columns: str) -> list[str]:
    """The columns of every family."""
    return [f"{family}: {column}" for family in FAMILIES for column in columns]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
