"""Packages are named by the user, outside of files."""

from pathlib import Path

import pytest

from vaerun.config.trust import bug, divided, from_environment, named, trusted, trusting
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


def test_a_mistake_in_a_package_of_the_user_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ownbug.py").write_text("def f():\n    return 1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    from importlib import import_module

    with pytest.raises(ZeroDivisionError) as raised:
        import_module("ownbug").f()
    said = "ZeroDivisionError: division by zero (in the log)"
    assert bug(raised.value, ["ownbug"], "in the log") == f"error in ownbug.py, line 2, {said}"
    assert bug(raised.value, ["other"], "in the log") == f"internal error, {said}"
