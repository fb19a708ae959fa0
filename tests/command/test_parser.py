"""One grammar for every command: each of its flags in both spellings, in any place, and refused in a sentence."""

from pathlib import Path

import pytest

from vaerun.cli import COMMANDS
from vaerun.command.flags import SYNTAX, Flag
from vaerun.command.parser import help_text, parse, split_words
from vaerun.errors import UserError

VALUED = [(command, flag) for command in COMMANDS for flag in SYNTAX[command].flags if flag.value]
PLAIN = [(command, flag) for command in COMMANDS for flag in SYNTAX[command].flags if not flag.value]


def named(value: str | Flag) -> str:
    """A command or a flag as a test's name."""
    return value.name if isinstance(value, Flag) else value


def example(flag: Flag) -> str:
    return flag.topics[-1] if flag.topics else flag.example


def refusal(command: str, *argv: str) -> str:
    with pytest.raises(UserError) as caught:
        parse(command, argv)
    return str(caught.value)


def test_every_command_has_a_syntax() -> None:
    assert tuple(SYNTAX) == COMMANDS


@pytest.mark.parametrize(("command", "flag"), VALUED, ids=named)
def test_a_flag_with_a_value_has_two_spellings_and_may_stand_anywhere(command: str, flag: Flag) -> None:
    value = example(flag)
    expected = flag.read(flag, value)
    for name in flag.names:
        for argv in (
            [name, value, "a", "b=1"],
            ["a", name, value, "b=1"],
            ["a", "b=1", f"{name}={value}"],
        ):
            given = parse(command, argv)
            assert (getattr(given, flag.dest), given.words) == (expected, ["a", "b=1"])
    assert getattr(parse(command, ["a"]), flag.dest) == flag.default


@pytest.mark.parametrize(("command", "flag"), [(c, f) for c, f in VALUED if not f.topics], ids=named)
def test_a_flag_without_its_value_is_refused_with_an_example(command: str, flag: Flag) -> None:
    for argv in ([flag.name], [flag.name, PLAIN[0][1].name], [flag.names[0]]):
        if argv[-1] in {name for other in SYNTAX[command].flags for name in other.names}:
            assert refusal(command, *argv) == f"{flag.name} needs a value, such as {flag.name} {flag.example}."
    flag.read(flag, flag.example)  # the example can be given


@pytest.mark.parametrize(("command", "flag"), PLAIN, ids=named)
def test_a_flag_without_a_value(command: str, flag: Flag) -> None:
    for argv in ([flag.name, "a"], ["a", flag.names[0]]):
        given = parse(command, argv)
        assert (getattr(given, flag.dest), given.words) == (True, ["a"])
    assert getattr(parse(command, []), flag.dest) is False
    assert refusal(command, f"{flag.name}=yes") == f"{flag.name} takes no value: write {flag.name} alone."


@pytest.mark.parametrize(("command", "flag"), VALUED + PLAIN, ids=named)
def test_a_misspelt_flag_and_one_without_dashes_are_answered_with_the_flag(command: str, flag: Flag) -> None:
    misspelt = f"{flag.name}q"
    others = {other.name for other in SYNTAX[command].flags}
    if len(flag.name) > 4:
        assert any(f"Did you mean {name!r}?" in refusal(command, "a", misspelt) for name in others)
    bare = flag.name.lstrip("-")
    written = f"{flag.name} x" if flag.value else flag.name
    assert refusal(command, f"{bare}=x") == f"{bare}=x must be written as a flag of vaerun {command}: {written}."


@pytest.mark.parametrize("command", COMMANDS)
def test_a_flag_is_not_abbreviated_and_argparse_never_speaks(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    for argv in (["--xyz"], ["-q"], ["--jso"], ["--che", "best"], ["-1"]):
        sentence = refusal(command, "a", *argv)
        assert sentence.startswith(f"vaerun {command} has no flag {argv[0]}.")
        assert "\n" not in sentence
    assert capfd.readouterr() == ("", "")


def test_values_are_read_and_refused() -> None:
    given = parse("sample", ["--points", "3,17,5,40", "--n=7", "run"])
    assert (given.points, given.n, given.seed, given.checkpoint) == ((3, 17, 5, 40), 7, 0, "best")
    names = "best, last or epoch_N"
    assert refusal("eval", "--checkpoint", "lst") == f"--checkpoint must be {names}, got 'lst'. Did you mean 'last'?"
    assert refusal("sample", "--latents", "0").startswith("--latents must be a whole number at least 1, got '0'")
    assert refusal("verify", "--seed", str(2**63)).startswith("--seed must be a whole number from 0 to 2^63 − 1")
    assert parse("verify", ["--seed", str(2**63 - 1)]).seed == 2**63 - 1


def test_an_info_without_topic_leaves_the_next_word_alone() -> None:
    for argv in (["--info", "c=3"], ["-i", "c=3"], ["c=3", "-i"]):
        given = parse("train", argv)
        assert (given.info, given.words) == ("all", ["c=3"])


def test_words_with_an_equals_sign_are_configuration_unless_they_are_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("lr=1", "key=2"):
        (tmp_path / name).mkdir()
    words = ["a", "b=1", "c", "lr=1", "key=2", f"{tmp_path}/lr=1", f"{tmp_path}/lr=2"]
    places, settings = split_words(words, lambda key: key == "key")
    assert places == ["a", "c", "lr=1", f"{tmp_path}/lr=1"]
    assert settings == ["b=1", "key=2", f"{tmp_path}/lr=2"]


def test_a_help_keeps_its_text_and_puts_the_flags_before_the_examples() -> None:
    text = help_text("eval", "Do 95 %.\n\nMore.\n\nExamples:\n  vaerun eval a")
    usage, *_ = text.splitlines()
    assert usage == f"usage: vaerun eval {SYNTAX['eval'].usage}"
    places = [
        text.index(part) for part in ("Do 95 %.\n\nMore.", "flags:", "--checkpoint NAME", "Examples:\n  vaerun eval a")
    ]
    assert places == sorted(places)
