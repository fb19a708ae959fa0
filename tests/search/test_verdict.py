"""The answer of a race in words."""

from vaerun.search.race import Race
from vaerun.search.verdict import best, table, verdict

NOISE = (0.1, -0.2, 0.05, 0.15, -0.1, 0.0, 0.12, -0.07)


def made(margin: float = 0.0, better: int = 1, **shifts: float) -> Race:
    """A race of configurations that differ by these shifts, with noise that is not the same for all."""
    race = Race([*shifts], alpha=0.05, margin=margin, better=better)
    for number, (name, shift) in enumerate(shifts.items()):
        for seed in range(len(NOISE)):
            race.add(name, shift + NOISE[(seed * (number + 1) + number) % len(NOISE)])
    race.drop()
    return race


def said(race: Race, *, ended: bool = True) -> str:
    spent = {name: len(values) for name, values in race.values.items()}
    return verdict(race, "elbo/valid", spent=spent, max_seeds=8, unit=" nat", ended=ended)


def test_the_winner_is_named_with_its_interval_and_the_cost() -> None:
    race = made(a=0.0, b=3.0, c=-2.0)
    found = race.difference("b", "a")
    assert said(race) == (
        f"b is better than a and c: elbo/valid differs by {found.mean:.3g} nat (95 % interval [{found.low:.3g}, "
        f"{found.high:.3g}], 8 seeds) from a, the nearest. The race used 24 runs; 8 seeds of each configuration are 24 "
        "runs."
    )
    assert [line.split(",")[1].split(":")[0].strip() for line in table(
        race, "elbo/valid", spent=dict.fromkeys("abc", 8), unit="", test={"elbo/test": {"a": -1.5}}
    )] == ["b", "a", "c"]  # fmt: skip


def test_a_lower_value_wins_where_lower_is_better() -> None:
    race = made(better=-1, a=0.0, b=3.0)
    assert best(race) == "a"
    assert said(race).startswith("a is better than b: elbo/valid differs by 2.96 nat")


def test_an_open_answer_is_said_and_an_interrupted_race() -> None:
    race = made(a=0.0, b=0.01, c=-4.0)
    assert said(race).startswith("It is open which of a and b is better, after 8 seeds: elbo/valid differs by ")
    assert "; c is worse." in said(race)
    assert said(race, ended=False).startswith("The race has not ended: a and b cannot be told apart yet.")


def test_equal_configurations_are_said_to_be_equal() -> None:
    assert said(made(margin=1.0, a=0.0, b=0.01)).startswith("a and b differ by at most 1 nat: elbo/valid differs by ")
    race = Race(["a", "b"], alpha=0.05)
    for value in NOISE:
        race.add("a", value)
        race.add("b", value)
    assert said(race).startswith("a and b have equal values with every seed: elbo/valid differs by 0 nat")


def test_what_could_not_be_compared_is_named() -> None:
    race = made(a=0.0, b=3.0, c=1.0)
    race.exclude("b", "its run with seed 2 has no elbo/valid")
    assert " b could not be compared. The race used" in said(race)
    for name in ("a", "c"):
        race.exclude(name, "it failed")
    assert said(race).startswith("Every configuration has a run without elbo/valid, so there is no answer.")
