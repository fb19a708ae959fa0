"""The nearest key: where a word may have moved, and what is only a slip of the hand."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vaerun.command import eval as eval_command
from vaerun.command.verify import summary
from vaerun.data.anndata import empty
from vaerun.data.base import Dataset
from vaerun.data.layout import in_words as with_channel
from vaerun.data.overlap import overlap_warnings
from vaerun.data.table_file import read_table
from vaerun.errors import DivergedError, RunError, UserError, close_key, close_match, counted
from vaerun.trainer.patience import Patience

KNOWN = (
    "trainer.epochs",
    "trainer.batch_size",
    "trainer.validation.every",
    "trainer.validation.points",
    "trainer.records.every",
    "execution.device",
    "execution.threads",
    "model.latent_dim",
    "data.latent_dim",
    "strategy/phi_init",
    "local/optimizer",
    "optimizer",
    "seed",
)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("trainer.epoch", " Did you mean 'trainer.epochs'?"),
        ("trainer.device", " Did you mean 'execution.device'?"),
        ("device", " Did you mean 'execution.device'?"),
        ("trainer.log_every", " Did you mean 'trainer.records.every'?"),
        ("trainer.validation_points", " Did you mean 'trainer.validation.points'?"),
        ("trainer/epochs", " Did you mean 'trainer.epochs'?"),
        ("latent_dim", " Did you mean 'data.latent_dim' or 'model.latent_dim'?"),
        ("local/row_optimizer", " Did you mean 'local/optimizer'?"),
        ("sede", " Did you mean 'seed'?"),
        ("trainer.products", ""),
        ("zzz", ""),
    ],
)
def test_the_nearest_key(key: str, meant: str) -> None:
    assert close_key(key, KNOWN) == meant
    assert close_key(key, reversed(KNOWN)) == meant


def test_a_known_key_is_not_offered_for_itself() -> None:
    assert close_key("seed", ["seed"]) == ""


def test_the_nearest_word() -> None:
    assert close_match("joit", ["amortized", "joint"]) == " Did you mean 'joint'?"
    assert close_match("joit", ["amortized"]) == ""


@pytest.mark.parametrize("kind", [UserError, RunError, DivergedError])
def test_a_value_with_a_line_break_stays_in_one_line(kind: type[Exception]) -> None:
    assert str(kind("θ is a\nb\r\u2028\x1b[31m − 1")) == "θ is a\\nb\\r\\u2028\\x1b[31m − 1"


def test_a_noun_and_a_verb_agree_with_their_number() -> None:
    assert [counted(n, "point") for n in (0, 1, 2, 1000)] == ["0 points", "1 point", "2 points", "1,000 points"]
    assert [counted(n, "class is", "classes are") for n in (1, 3)] == ["1 class is", "3 classes are"]


ONE = re.compile(r"\b1 (?!is |has |was |occurs )[a-z]+s\b|\b1 (?:[a-z]+ )?(?:are|have|were)\b")
"""A plural noun, or a verb of several, after 1."""


def no_plural(text: str) -> bool:
    return not ONE.search(text)


def test_messages_about_one_thing_are_in_the_singular(tmp_path: Path) -> None:
    with pytest.raises(UserError) as few:
        Dataset.of(torch.zeros(1, 3))
    with pytest.raises(UserError) as names:
        Dataset.of(torch.rand(20, 3), names=["a"])
    path = tmp_path / "t.csv"
    path.write_text("a\n1,2\n")
    with pytest.raises(UserError) as cells:
        read_table(path)
    x = torch.rand(20, 3)
    x[0] = torch.nan
    data = Dataset.of(x, missing=torch.nan)
    metrics = {"metrics": {}, "about": {}, "run": "r", "checkpoint": "best", "step": 1}
    said = [
        *(str(error.value) for error in (few, names, cells)),
        *data.warnings,
        *overlap_warnings(x[1:], remedy="leave it out", test=x[1:2]),
        *empty(torch.tensor([[0.0, 0.0], [1.0, 2.0]])),
        eval_command.table({**metrics, "data": {"name": "x", "binarize": "none", "points": 1}}),
        summary(1, []),
        with_channel((8, 8, 1), "channels_last"),
        Patience(1).reason(SimpleNamespace(bound="elbo")),
    ]
    assert len(said) == 10
    assert [text for text in said if not no_plural(text)] == []
    assert not no_plural("got 1 points")
    assert not no_plural("1 points have")
