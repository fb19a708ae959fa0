"""The error rate of a race by simulation, and its rules on values with a known answer."""

import numpy as np
import pytest

from vaerun.search.anytime import AnytimeInterval
from vaerun.search.race import Race, next_seeds


def raced(values: np.ndarray, **options: float) -> Race:
    """A race of configurations with these values [m, seeds], one seed at a time after the first three."""
    names = [f"c{number}" for number in range(len(values))]
    race = Race(names, **{"alpha": 0.05, **options})  # type: ignore[arg-type]
    for seed in range(values.shape[1]):
        for name in race.needing if seed >= 3 else names:
            race.add(name, float(values[names.index(name), seed]))
        if seed >= 2:
            race.drop()
        if not race.needing:
            break
    return race


@pytest.mark.parametrize("sign", [1, -1])
def test_the_best_is_dropped_in_at_most_alpha_of_all_races(sign: int) -> None:
    """Six equal configurations are the hardest case; without Bonferroni's correction it is more than half of them."""
    generator, alpha, repetitions = np.random.default_rng(0), 0.4, 100
    wrong = 0
    for _ in range(repetitions):
        wrong += "c0" in raced(generator.standard_normal((6, 20)), alpha=alpha, better=sign).dropped
    assert 0.02 < wrong / repetitions < alpha


def test_an_interval_against_the_best_is_wrong_in_at_most_alpha_of_all_races() -> None:
    generator, alpha, repetitions = np.random.default_rng(1), 0.3, 200
    gaps = np.array([0.0, -0.3, -0.6, -1.0])
    wrong = 0
    for _ in range(repetitions):
        race = raced(generator.standard_normal((4, 25)) + gaps[:, None], alpha=alpha)
        found = [race.difference("c0", name) for name in race.names[1:]]
        wrong += any(not one.low <= -gap <= one.high for one, gap in zip(found, gaps[1:], strict=True))
    assert 0.02 < wrong / repetitions < alpha


@pytest.mark.parametrize("sign", [1, -1])
def test_the_better_one_wins_at_a_fraction_of_the_cost(sign: int) -> None:
    generator = np.random.default_rng(2)
    for _ in range(20):
        values = generator.standard_normal((3, 20)) + sign * np.array([0.0, 10.0, 0.0])[:, None]
        race = raced(values, better=sign)
        assert race.left == ["c1"]
        assert max(map(len, race.values.values())) < 10


def test_one_that_is_worse_gets_no_further_seeds_while_the_others_go_on() -> None:
    values = np.random.default_rng(3).standard_normal((3, 12)) + np.array([0.0, 0.0, -20.0])[:, None]
    race = raced(values)
    assert set(race.dropped) == {"c2"}
    assert [len(race.values[name]) for name in race.names][:2] == [12, 12]
    assert len(race.values["c2"]) < 8


def test_equal_ones_end_a_race_with_a_margin_and_never_without() -> None:
    values = np.random.default_rng(4).standard_normal((2, 40))
    assert len(raced(values).values["c0"]) == 40
    with_margin = raced(values, margin=2.0)
    assert len(with_margin.values["c0"]) < 40
    assert with_margin.left == ["c0", "c1"]
    assert not with_margin.undecided()


def test_equal_values_with_every_seed_are_decided_at_once() -> None:
    values = np.random.default_rng(5).standard_normal((1, 20)).repeat(2, 0)
    race = raced(values)
    assert (race.left, race.undecided(), len(race.values["c0"])) == (["c0", "c1"], [], 3)


def test_a_configuration_without_a_value_leaves_the_race() -> None:
    race = Race(["a", "b", "c"], alpha=0.05)
    race.exclude("b", "seed 1 diverged")
    race.exclude("b", "another reason")
    assert race.left == ["a", "c"]
    assert race.excluded == {"b": "seed 1 diverged"}


def test_seeds_that_only_one_has_do_not_count() -> None:
    race = Race(["a", "b"], alpha=0.05)
    for value in (1.0, 2.0, 3.5, 100.0):
        race.add("a", value)
    for value in (0.0, 1.5, 2.5):
        race.add("b", value)
    found = race.difference("a", "b")
    assert (found.n, found.mean) == (3, pytest.approx((1.0 + 0.5 + 1.0) / 3))


@pytest.mark.parametrize(
    ("have", "slots", "jobs"),
    [
        ({"a": 0, "b": 0}, 1, [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]),
        ({"a": 3, "b": 3}, 2, [("a", 3), ("b", 3)]),
        ({"a": 3, "b": 3, "c": 3}, 2, [("a", 3), ("b", 3), ("c", 3), ("a", 4)]),  # two times two
        ({"a": 3, "b": 4}, 4, [("a", 3), ("b", 4), ("a", 4), ("a", 5)]),
        ({"a": 5, "b": 6}, 8, [("a", 5)]),
        ({"a": 6, "b": 6}, 2, []),
        ({}, 2, []),
    ],
)
def test_the_next_seeds_fill_all_slots(have: dict[str, int], slots: int, jobs: list[tuple[str, int]]) -> None:
    assert next_seeds(have, least=3, most=6, slots=slots) == jobs


def test_a_circle_of_worse_ones_drops_nothing() -> None:
    race = Race(["a", "b", "c"], alpha=0.05)
    better, worse = AnytimeInterval(1.0, 0.5, 1.5), AnytimeInterval(-1.0, -1.5, -0.5)
    race._found = {("a", "b"): better, ("b", "c"): better, ("a", "c"): worse}
    assert (race.drop(), race.left) == ([], ["a", "b", "c"])


@pytest.mark.parametrize("one_sided", [AnytimeInterval(-1.0, -3.0, 0.5), AnytimeInterval(1.0, -0.5, 3.0)])
def test_both_ends_of_an_interval_must_lie_within_the_margin(one_sided: AnytimeInterval) -> None:
    race = Race(["a", "b"], alpha=0.05, margin=1.0)
    race._found = {("a", "b"): one_sided}
    assert race.undecided() == [("a", "b")]
