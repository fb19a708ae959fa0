"""The columns of a comparison: what each is called, which way is better, how its numbers are written."""

import math
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vaerun.metric.interval import Interval

WORDS = {
    "elbo": "ELBO",
    "pseudo_elbo": "pseudo-ELBO",
    "elbo_optimal": "ELBO of q*",
    "elbo_encoder": "ELBO, own encoder",
    "elbo_fitted_encoder": "ELBO, fitted encoder",
    "elbo_coordinate": "ELBO, ascent",
    "log_marginal": "log p(x)",
    "ais": "AIS",
    "log_likelihood": "log-likelihood",
    "kl": "KL",
    "approximation_gap": "approximation gap",
    "amortization_gap": "amortization gap",
    "inference_gap": "inference gap",
}
LOSSES = r"((approximation|amortization|inference)_gap|lost)(_\w+)?"
LIKELY = (  # log p(x) by another q than the run's, or by none
    r"ais|log_marginal|(pseudo_)?(elbo_(optimal\w*|(fitted_)?encoder|refined_\d+|coordinate)|iwae_\d+_optimal\w*)"
)
GAPS = ("approximation_gap", "amortization_gap", "inference_gap")


class Column(NamedTuple):
    """One figure of every run.

    Attributes:
        name: its tag, or one of COSTS.
        title: in words.
        better: 1 where more is better, -1 where less is, 0 where neither.
        unit: nat, or what else.
    """

    name: str
    title: str
    better: int
    unit: str


COSTS = {
    column.name: column
    for column in (
        Column("steps", "steps", 0, ""),
        Column("seconds", "training seconds", -1, "s"),
        Column("decoder_evaluations", "decoder evaluations", -1, ""),
        Column("samples_per_second", "samples per second", 1, "1/s"),
        Column("peak_memory", "peak memory (MB)", -1, "MB"),
        Column("phi", "φ parameters", 0, ""),
        Column("lam", "λ parameters", 0, ""),
        Column("theta", "θ parameters", 0, ""),
    )
}
READ = "read at"
COUNTS = ("steps", "decoder_evaluations", "phi", "lam", "theta", "samples_per_second", "peak_memory")
AFTER = ("seconds", "decoder_evaluations", "samples_per_second", "peak_memory", "phi", "lam")
HUGE, HUGE_BOUND = 1e12, 1e6  # from here on a number is written with its exponent; such a bound has nearly diverged
MATCHED = ("steps", "seconds", "decoder_evaluations", "phi", "lam")


def column(name: str, matched: str | None = None) -> Column:
    """The column of a figure, where ``matched`` is the cost that all runs have in common."""
    if name == matched:
        return COSTS[name]._replace(title=f"{READ} {name.replace('_', ' ')}", better=0)
    if name in COSTS:
        return COSTS[name]
    quantity, _, rest = name.partition("/")
    if quantity in ("gradient_snr", "gradient_variance"):
        title = f"gradient {'SNR' if quantity == 'gradient_snr' else 'variance'} {rest}"
        return Column(name, title, 1 if quantity == "gradient_snr" else -1, "")
    return Column(name, f"{rest} {_words(quantity)}".strip(), _better(quantity), "nat" if _is_nats(quantity) else "")


def _words(quantity: str) -> str:
    if match := re.fullmatch(r"(pseudo_)?iwae_(\d+)", quantity):
        return f"{'pseudo-' if match[1] else ''}L_{match[2]}"
    return WORDS.get(quantity, quantity.replace("_", " "))


def _better(quantity: str) -> int:
    return -1 if re.fullmatch(LOSSES, quantity) else 1 if is_bound(quantity) or re.fullmatch(LIKELY, quantity) else 0


def _is_nats(quantity: str) -> bool:
    return bool(_better(quantity)) or quantity in WORDS


def is_bound(quantity: str) -> bool:
    """Whether it is a bound by the run's own q, or what is called one with pseudo_ in front."""
    return bool(re.fullmatch(r"(pseudo_)?(elbo|iwae_\d+)", quantity))


def is_error(name: str) -> bool:
    """Whether it is the standard error of another figure."""
    return name.partition("/")[0].endswith("_se")


def error_of(name: str) -> str:
    """The tag of a figure's standard error over points."""
    quantity, _, split = name.partition("/")
    return f"{quantity}_se/{split}"


def default(names: Iterable[str], split: str) -> list[str]:
    """The columns that answer the question, of those there are: bounds, gaps, cost, gradients."""
    present = set(names)
    bounds = sorted((name for name in present if is_bound(name.removesuffix(f"/{split}"))), key=_bounds_first)
    rest = [f"ais/{split}", *(f"{gap}/{split}" for gap in GAPS), *(AFTER if split == "test" else MATCHED)]
    signals = sorted(name for name in present if name.startswith("gradient_snr/"))
    return [*bounds, *(name for name in rest if name in present), *signals]


def _bounds_first(name: str) -> tuple[bool, bool, int]:
    numbers = re.findall(r"iwae_(\d+)", name)
    return (bool(numbers), name.startswith("pseudo_"), int(numbers[0]) if numbers else 0)


def writer(of: Column, found: Iterable[Interval]) -> Callable[[float], str]:
    """How every number of a column is written: with as many decimals as tell its values and intervals."""
    found = list(found)
    if of.unit == "nat":
        widths = [one.half_width for one in found if one.half_width]
        decimals = 3 if widths and min(widths) < 0.02 else 2
    elif of.name in COUNTS:
        decimals = 0
    else:
        least = min((abs(one.mean) for one in found if one.mean), default=1.0)
        decimals = min(6, max(0, 2 - math.floor(math.log10(least))))
    huge = HUGE_BOUND if of.unit == "nat" else HUGE
    return lambda value: f"{value:.2e}" if abs(value) >= huge else f"{value:,.{decimals}f}"
