"""The sections of the HTML report that have plots: each answers a question."""

from collections.abc import Iterator, Mapping, Sequence

from vaerun.metric.metric import find, is_error
from vaerun.report.cell import cells
from vaerun.report.column import Column
from vaerun.report.comparison import Comparison
from vaerun.report.page.dot_plot import PlotRow, bar_plot, dot_plot, window
from vaerun.report.page.latent_plot import latent_plots
from vaerun.report.page.line_plot import SPREAD, bound_plots, extent, variance_plot
from vaerun.report.page.plot import Plot
from vaerun.report.page.search import search_sections
from vaerun.report.page.section import Section
from vaerun.report.page.series import Logs, Series, below, estimator_of, is_variance
from vaerun.report.page.style import styles

GROUPS = {"theta": "θ", "phi": "φ", "lam": "λ"}


def sections(comparison: Comparison) -> Iterator[Section]:
    """Every section that the runs have something for: searches, bounds during training, gaps, gradients, latents."""
    yield from search_sections(comparison.searches)
    logs = Logs.of(comparison.rows)
    yield from _bounds(comparison, logs)
    yield from _gaps(comparison)
    yield from _gradients(comparison, logs)
    yield from _latents(comparison)


def headline(comparison: Comparison) -> Plot | None:
    """The plot of the column that the answer is about; None without such a column."""
    if comparison.headline is None:
        return None
    found = plot_rows(comparison, comparison.headline)
    if not found:
        return None
    title, better = comparison.headline.title, comparison.headline.better
    unit = f"nat, {'higher' if better > 0 else 'lower'} is better"
    return dot_plot(found, name=_file(comparison.headline.name), title=f"{title}, 95 % intervals", unit=unit,
                    better=better)  # fmt: skip


def plot_rows(comparison: Comparison, of: Column) -> list[PlotRow]:
    """The rows of a column of the table, with the numbers as the table shows them."""
    made = zip(comparison.rows, styles(len(comparison.rows)), cells(comparison.rows, of), strict=True)
    return [
        PlotRow(row.name, cell.written(), style, row.samples[of.name]) for row, style, cell in made if cell is not None
    ]


def _bounds(comparison: Comparison, logs: Logs) -> Iterator[Section]:
    tags = ["elbo/valid", "pseudo_elbo/valid"]
    if comparison.headline is not None:
        tags.append(f"{comparison.headline.name.partition('/')[0]}/valid")
    for tag in dict.fromkeys(tags):
        series = logs.bounds(tag)
        if not series:
            continue
        title = comparison.column(tag).title
        plots = bound_plots(series, name=_file(tag), title=title, at=comparison.at)
        yield Section(_file(tag), f"How fast does the {title} rise?", _bounds_caption(series), plots, series)


def _bounds_caption(series: Sequence[Series]) -> str:
    counts = {len(one.curves) for one in series if one.curves}
    said = []
    if any(count > 1 for count in counts):
        said.append(
            "Each line is the mean over seeds, over the range that all of them reached. Bands are 95 % intervals of "
            "the mean (Student's t)."
        )
    single = [one.name for one in series if len(one.curves) == 1]
    if single:
        said.append(f"No band, because there is only one seed: {_few(single)}.")
    off = [one.name for one in below(series)]
    if off:
        said.append(f"Not shown, because all values are below the plotted range: {_few(off)}.")
    if any(one.incomplete for one in series):
        said.append("A dotted line that ends in a cross is a run that did not complete or is not compared.")
    said.append(
        "The low values at the start of training are not shown. The horizontal axis is logarithmic if total costs "
        f"differ by more than a factor of {SPREAD}."
    )
    return " ".join(said)


def _few(names: Sequence[str]) -> str:
    """The names, or how many they are."""
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} configurations"


def _gaps(comparison: Comparison) -> Iterator[Section]:
    metrics = {name: find(comparison.declared, name) for name in _present(comparison)}
    gaps = {name: metric.order for name, metric in metrics.items() if metric.unit == "nat" and metric.minimum == 0}
    names = [name for name, order in gaps.items() if order is not None]
    names.sort(key=lambda name: (name.partition("/")[2], gaps[name]))
    if not names:
        return
    found = {name: plot_rows(comparison, comparison.column(name)) for name in names}
    limits = window([row for some in found.values() for row in some], -1)
    plots = [
        bar_plot(some, name=_file(name), title=comparison.column(name).title, unit="nat", limits=limits)
        for name, some in found.items()
    ]
    caption = (
        "L[q] is the ELBO of q, and q* is the best q in the family. Approximation gap: log p(x) − L[q*]. Amortization "
        "gap: L[q*] − L[q], where q is what the strategy found. Inference gap: the sum of both, KL(q ‖ p(z given x)). "
        "Whiskers are 95 % intervals. A true gap is never negative: a negative bar means that the estimate of q* or of "
        "log p(x) is not good enough."
    )
    yield Section("gaps", "How far is the ELBO below log p(x), and why?", caption, plots)


def _gradients(comparison: Comparison, logs: Logs) -> Iterator[Section]:
    panels = {group: logs.gradients(group) for group in GROUPS}
    every = [one for panel in panels.values() for some in panel.values() for one in some]
    plots: list[Plot] = []
    for group, letter in GROUPS.items():
        title, name = f"variance of the gradient in {letter}", f"gradient_variance_{group}"
        limits = extent([one for some in panels[group].values() for one in some])
        for estimator, some in panels[group].items():
            own, file = (f"{estimator}: {title}", f"{name}_{_file(estimator)}") if estimator else (title, name)
            plots.append(variance_plot(some, name=f"{file}_steps", title=own, limits=limits))
        found = _variances(comparison, group) if not panels[group] else []
        if found:
            plots.append(dot_plot(found, name=name, title=title, unit="variance, lower is better", log=True))
    if plots:
        caption = (
            "Var[∇L], summed over the parameters in θ, φ or λ, on a logarithmic scale; lower is better. Estimators "
            "of one run were measured at the same parameters and on the same batch, so they can be compared. Those of "
            "different runs were not."
        )
        names = {one.name: one for one in every}
        yield Section("gradients", "How noisy are the gradients?", caption, plots, list(names.values()))


def _latents(comparison: Comparison) -> Iterator[Section]:
    plots = latent_plots(comparison.rows)
    if plots:
        caption = (
            "E_q[z] of validation points of one run, on the plane of its first two principal components, in the "
            "colours of the labels. A model is trained without labels, unless data.condition is set; then E_q[z] needs "
            "no information about the label, and the colours mix."
        )
        yield Section("latents", "Where do the classes lie in z?", caption, plots)


def _variances(comparison: Comparison, group: str) -> list[PlotRow]:
    """The variance of every estimator in every configuration, lowest first."""
    tags = [name for name in _present(comparison) if is_variance(name, group)]
    several = sum(any(tag in row.samples for tag in tags) for row in comparison.rows) > 1
    found = [
        row._replace(name=f"{estimator_of(tag)}: {row.name}" if several else estimator_of(tag))
        for tag in tags
        for row in plot_rows(comparison, comparison.column(tag))
    ]
    return sorted(found, key=lambda row: row.sample.mean)


def _present(comparison: Comparison) -> list[str]:
    samples: Mapping[str, object] = {name: None for row in comparison.rows for name in row.samples}
    return sorted(name for name in samples if not is_error(name))


def _file(tag: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in tag)
