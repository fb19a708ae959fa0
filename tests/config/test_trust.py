"""Packages are named by the user, outside of files."""

import pytest

from vaerun.config.trust import divided, from_environment, named, trusted, trusting
from vaerun.errors import UserError


def test_words_name_packages_and_are_taken_off_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAERUN_TRUST", raising=False)
    assert divided(["seed=1", "trust=a", "+trust=[b,a]", "x"]) == (["seed=1", "x"], ("a", "b"))
    assert divided(["data.trust=a"]) == (["data.trust=a"], ())
    monkeypatch.setenv("VAERUN_TRUST", "c,d")
    assert divided(["trust=a"]) == ([], ("c", "d", "a"))
    assert from_environment() == ("c", "d")


@pytest.mark.parametrize("words", ["", "a.b", "a b", "[a,]", "/tmp/a", "a-b", ["a", 3], "a;b"])
def test_what_is_no_package_is_refused(words: object) -> None:
    with pytest.raises(UserError, match="takes the name of a package"):
        named(words)  # type: ignore[arg-type]


def test_an_error_inside_the_block_ends_the_trust() -> None:
    with pytest.raises(ZeroDivisionError), trusting(["a"]):  # noqa: PT012
        assert trusted() == ("a",)
        1 / 0  # noqa: B018
    assert trusted() == ()
