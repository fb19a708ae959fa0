"""vaerun cite prints BibTeX for a run, or for choices."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runs import train
from vaerun import cli

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """(exit code, stdout, stderr) of a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = cli.dispatch(["cite", *words])
        return code, *capsys.readouterr()

    return call


def test_a_run_and_its_choices_cite_the_same_papers(cite: Call, tmp_path: Path) -> None:
    train(tmp_path / "run", "trainer.epochs=1", "strategy=joint", "posterior=planar", "strategy.test_steps=20")
    code, of_run, _ = cite("run")
    assert code == 0
    assert "@inproceedings{rezende2015," in of_run
    assert cite("strategy=joint", "posterior=planar")[1] == of_run


def test_what_cannot_be_cited_is_one_sentence(cite: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, told in [
        (("empty",), "empty has no config.yaml, so it is not a run directory"),
        (("strategy=joinnt",), "Did you mean 'joint'?"),
        (("strategy=joint,coordinate",), "takes one value for each key, got strategy=joint,coordinate"),
        (("empty", "strategy=joint"), "got both (empty and strategy=joint)"),
    ]:
        code, out, error = cite(*words)
        assert (code, out) == (2, "")
        assert told in error
        assert error.count("\n") == 1
