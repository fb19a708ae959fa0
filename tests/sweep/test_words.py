"""A key that only some options of a swept group have is composed for each job, not once for the defaults."""

import pytest

from vaerun.sweep.words import composable


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a/b=x,y", "a.b.c=3"], ["a/b=x,y", "a.b.c=choice(3)"]),
        (["a=x,y", "a.c=[1,2]", "b.c=3"], ["a=x,y", "a.c=choice([1,2])", "b.c=3"]),
        (["a=x,y", "+a.c='t u'"], ["a=x,y", "+a.c=choice('t u')"]),
        (["a=x", "a.c=3"], ["a=x", "a.c=3"]),  # a is not swept
        (["a=x,y", "a.c=1,2"], ["a=x,y", "a.c=1,2"]),
        (["a=x,y", "~a.c"], ["a=x,y", "~a.c"]),
        (["a=x,y", "a.c=[1"], ["a=x,y", "a.c=[1"]),  # Hydra says what is wrong
    ],
)
def test_fixed_keys_below_a_swept_group_become_choices_of_one(words: list[str], expected: list[str]) -> None:
    assert composable(words) == expected
