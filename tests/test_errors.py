"""The nearest key: where a word may have moved, and what is only a slip of the hand."""

import pytest

from vaerun.errors import DivergedError, RunError, UserError, close_key, close_match

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
