"""The space of a search, from words as they are typed."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from vaerun.errors import UserError
from vaerun.search.space import Choices, Numbers, Space, read_space


def space(*words: str) -> Space:
    """The space of these words."""
    return read_space(OverridesParser.create().parse_overrides(list(words)))


@pytest.mark.parametrize(
    ("value", "dimension"),
    [
        ("tag(log,interval(1e-4,1e-2))", Numbers(1e-4, 1e-2, log=True)),
        ("interval(0,1)", Numbers(0.0, 1.0)),
        ("tag(int,interval(1,5))", Numbers(1, 5)),
        ("range(50,400,step=50)", Numbers(50, 350, 50)),  # Hydra's range leaves its end out
        ("range(1,4)", Numbers(1, 3, 1)),
        ("choice(amortized,joint)", Choices(("amortized", "joint"))),
        ("amortized,joint", Choices(("amortized", "joint"))),
        ("[16],[32,32]", Choices(("[16]", "[32,32]"))),
        ("null,0.5", Choices(("null", "0.5"))),
    ],
)
def test_a_word_is_a_dimension(value: str, dimension: object) -> None:
    assert space(f"a.b={value}") == Space((), {"a.b": dimension})


def test_one_value_is_fixed() -> None:
    found = space("a=1,2", "b=choice(3)", "+c=x", "d='x y'")
    assert found.fixed == ("b=3", "+c=x", "d='x y'")
    assert found.words({"a": "2"}) == [*found.fixed, "a=2"]


def test_integers_stay_integers_and_floats_keep_every_digit() -> None:
    found = space("a=interval(0,1)", "b=tag(int,interval(1,5))")
    assert found.words({"a": 0.1 + 0.2, "b": 3}) == ["a=0.30000000000000004", "b=3"]


@pytest.mark.parametrize("params", [{}, {"a": "x", "b": 1}, {"a": "hydra.run.dir=x"}, {"a": "1,2"}, {"a": 1}], ids=str)
def test_values_that_are_not_of_the_space_are_refused(params: dict[str, object]) -> None:
    """A study can come from a stranger."""
    with pytest.raises(ValueError):  # noqa: PT011
        space("a=x,y").words(params)


@pytest.mark.parametrize("value", [0.0, 2.0, True, "0.5", float("nan")])
def test_numbers_outside_are_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Numbers(0.1, 1.0).text(value)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("a=interval(2,1)", "first number below"),
        ("a=interval(1,1)", "first number below"),
        ("a=tag(log,interval(0,1))", "above 0"),
        ("a=tag(foo,interval(0,1))", "tags log and int"),
        ("a=tag(int,interval(0.5,2))", "two integers"),
        ("a=tag(log,range(1,9))", "only interval"),
        ("a=range(3,4)", "at least two values"),
        ("a=1", "several values"),
        ("~a", "removes a key"),
    ],
)
def test_what_cannot_be_searched_is_refused(word: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        space(word)


def test_every_choice_is_tried_before_the_search() -> None:
    assert list(space("a=1,2,3", "b=x,y").examples()) == [
        ["a=1", "b=x"],
        ["a=2", "b=x"],
        ["a=3", "b=x"],
        ["a=1", "b=y"],
    ]


def test_a_pattern_is_the_names_that_fit_it() -> None:
    class Loader:
        def get_group_options(self, group: str, results_filter: object) -> list[str]:
            return ["joint", "coordinate", "jolly"]

    words = OverridesParser.create(config_loader=Loader()).parse_overrides(["strategy=glob(jo*)"])  # type: ignore[arg-type]
    assert read_space(words).dimensions == {"strategy": Choices(("joint", "jolly"))}
