"""Simulates races: how often a rule drops the best configuration, and how many runs it needs (docs/racing.md).

    python scripts/race_simulation.py > race.md

m configurations, of which the first is ahead of the others by a gap in standard deviations of one run. A pair is
compared by the differences of their values with the same seed; a configuration is dropped when |t| of a difference
passes c(n) at n seeds. Seeds 3 to 20, one at a time, α = 0.05. It needs scipy.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from vaerun.search import anytime

LEAST, MOST, ALPHA, RACES = 3, 20, 0.05, 2000
GAPS = (0.0, 0.5, 1.0, 2.0, 3.0)
LOOKS = np.arange(LEAST, MOST + 1)

Rule = Callable[[int, float], float]
"""(n, level) ↦ c(n)."""


def student(share: Callable[[int], float]) -> Rule:
    """Student's t at a share of the level."""
    return lambda n, level: float(stats.t.isf(share(n) * level / 2, n - 1))


def mixture(variance: float) -> Rule:
    """The anytime-valid t interval with this prior variance; vaerun's at 1 / ``anytime.SPREAD``."""

    def threshold(n: int, level: float) -> float:
        share = 1 / (1 + n * variance)
        ratio = (level**2 * share) ** (-1 / n)
        return float(np.sqrt((n - 1) * (ratio - 1) / (1 - ratio * share))) if ratio * share < 1 else np.inf

    return threshold


RULES: dict[str, Rule] = {
    "anytime-valid t, prior variance 1": mixture(1.0),
    "anytime-valid t, prior variance 3.3": mixture(1 / 0.3),
    "**anytime-valid t, prior variance 10**": anytime.threshold,
    "anytime-valid t, prior variance 33": mixture(1 / 0.03),
    "Student's t, α split over n by 1/(n (n − 1))": student(lambda n: 1 / (n * (n - 1))),
    "Student's t, α split equally over 3 to 20 seeds": student(lambda n: 1 / len(LOOKS)),
    "Student's t, α split over 3 to 20 seeds ∝ 1/n": student(lambda n: 1 / n / float((1 / LOOKS).sum())),
    "Student's t at each n, not corrected for looking": student(lambda n: 1.0),
}
NOISES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "Student's t with 3 degrees of freedom": lambda random, shape: random.standard_t(3, shape) / np.sqrt(3),
    "exponential, long tail below": lambda random, shape: 1 - random.exponential(size=shape),
}


def race(values: np.ndarray, rule: Rule) -> tuple[bool, int]:
    """Whether the first configuration is dropped, and the runs of a race over the values [m, seeds]."""
    m = len(values)
    left, spent = list(range(m)), 0
    for n in range(1, MOST + 1):
        spent += len(left)
        if n < LEAST:
            continue
        limit = rule(n, ALPHA / (m - 1))
        seen = values[left, :n]
        differences = seen[:, None] - seen[None, :]
        errors = differences.std(-1, ddof=1) / np.sqrt(n)
        np.fill_diagonal(errors, 1.0)
        worse = (differences.mean(-1) > limit * errors).any(0)
        if not worse.all():
            left = [name for name, out in zip(left, worse, strict=True) if not out]
        if len(left) == 1:
            break
    return 0 not in left, spent


def simulated(m: int, gap: float, noise: str, rule: Rule) -> tuple[float, float]:
    """Per cent of races that drop the best, and per cent of the full grid that is used."""
    random = np.random.default_rng(0)
    values = NOISES[noise](random, (RACES, m, MOST))
    values[:, 0] += gap
    found = [race(one, rule) for one in values]
    return 100 * float(np.mean([drop for drop, _ in found])), 100 * float(np.mean([runs for _, runs in found])) / (
        m * MOST
    )


def main() -> None:
    """Prints both tables."""
    print("| m = 3, normal values | best dropped, gap 0 | runs, gap 0.5 | gap 1 | gap 2 | gap 3 |")
    print("|---|---|---|---|---|---|")
    for name, rule in RULES.items():
        found = [simulated(3, gap, "normal", rule) for gap in GAPS]
        print(f"| {name} | {found[0][0]:.1f} % | {' | '.join(f'{used:.0f} %' for _, used in found[1:])} |", flush=True)
    print("\n| best dropped at gap 0, prior variance 10 | m = 2 | m = 3 | m = 6 |\n|---|---|---|---|")
    for noise in NOISES:
        shares = [simulated(m, 0.0, noise, anytime.threshold)[0] for m in (2, 3, 6)]
        print(f"| {noise} | {' | '.join(f'{share:.1f} %' for share in shares)} |", flush=True)
    looked = simulated(2, 0.0, "normal", RULES["Student's t at each n, not corrected for looking"])[0]
    print(f"\nTwo equal configurations, 95 % intervals looked at after each seed: best dropped {looked:.1f} %")


if __name__ == "__main__":
    main()
