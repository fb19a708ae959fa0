"""Keys that have no effect with the other choices, and keys that have one."""

import numpy as np
import pytest

from tests.composition import composed
from tests.runs import train
from vaerun.config.catalogue import Catalogue
from vaerun.config.check.effect import without_effect
from vaerun.config.folders import roots
from vaerun.experiment.make import plain


def said(*words, unused=(), interval=None):
    cfg, choices = composed(list(words))
    return list(without_effect(plain(cfg), choices, Catalogue(roots()), unused, interval))


DISCRETE = ("posterior=bernoulli", "model.latent_dim=4")


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ((*DISCRETE, "estimator=enumerate", "objective.num_samples=50"), "objective.num_samples=50 has"),
        (("local.tolerance=9",), "local.tolerance=9 has"),
        (("local/optimizer=lbfgs", "local.window=9"), "local.window=9 and local/optimizer=lbfgs have"),
        (("strategy=coordinate", "amortizer.hidden=[3,4]"), "amortizer.hidden=[3,4] has"),
        (("strategy=joint", "amortizer=conv"), "amortizer=conv has"),
        (("data=mnist", "data.binarize=threshold", "data.binarize_seed=4"), "data.binarize_seed=4 has"),
        (("data=binarized_mnist", "data.binarize_seed=4"), "data.binarize_seed=4 has"),
        (("trainer.epochs=9", "trainer.validation.evaluation_every=10"), "trainer.validation.evaluation_every=10 has"),
        (("trainer.epochs=9", "trainer.validation.every=10"), "trainer.validation.every=10 has"),
        (("trainer.epochs=9", "trainer.records.images_every=11"), "trainer.records.images_every=11 has"),
    ],
)
def test_a_key_without_effect_is_said_with_what_it_would_take(words, keys):
    (sentence,) = said(*words)
    assert sentence.startswith(f"{keys} no effect: ")


@pytest.mark.parametrize(
    "words",
    [
        (),
        (*DISCRETE, "estimator=enumerate"),
        (*DISCRETE, "estimator=enumerate", "objective.num_samples=1"),  # as it is by default
        ("objective.num_samples=50",),
        ("strategy=coordinate", "local.tolerance=9"),
        ("strategy=semi_amortized", "local/optimizer=sgd", "amortizer.hidden=[3]"),
        ("strategy=coordinate", "strategy/phi_init=encoder", "amortizer.hidden=[3]"),
        ("strategy=coordinate", "evaluation=cross", "amortizer.hidden=[3]"),
        ("data.binarize_seed=4",),
        ("data.binarize=dynamic", "data.binarize_seed=4"),
        ("trainer.epochs=9", "trainer.validation.evaluation_every=9", "trainer.records.images_every=9"),
        ("trainer.epochs=9",),  # less than the default of images_every
        ("experiment=lecture/strategies",),
        ("experiment=lecture/step_ratio",),
    ],
)
def test_a_key_with_effect_and_a_default_are_not_spoken_of(words):
    assert said(*words) == []


def test_the_interval_of_validations_that_the_strategy_has_chosen_counts():
    """trainer.validation.every is null, which is not 1 for a strategy with a φ for each point."""
    words = ("strategy=joint", "trainer.epochs=9", "trainer.records.images_every=4")
    assert said(*words) == said(*words, interval=2) == []
    (sentence,) = said(*words, interval=3)
    assert sentence == (
        "trainer.records.images_every=4 has no effect: the training has at most 3 validations, and its end has images "
        "in any case."
    )


def test_keys_that_the_data_did_not_use_are_said_if_they_were_set():
    unused = ("data.split_seed", "data.valid_fraction")
    (sentence,) = said("data=arrays", "data.path=x.npz", "data.split_seed=4", unused=unused)
    assert sentence == "data.split_seed=4 has no effect: the data file has its own splits."
    assert said("data=arrays", "data.path=x.npz", unused=unused) == []


def test_the_log_and_the_summary_say_it(tmp_path, caplog):
    x = np.random.default_rng(0).normal(size=(60, 4))
    np.savez(tmp_path / "x.npz", train=x[:40], valid=x[40:50], test=x[50:])
    words = ("data=arrays", f"data.path={tmp_path}/x.npz", "data.split_seed=4", "model/likelihood=gaussian")
    summary = train(tmp_path / "run", *words)
    sentence = "data.split_seed=4 has no effect: the data file has its own splits."
    assert sentence in summary["warnings"]
    assert sentence in caplog.text


def test_a_run_knows_its_interval_of_validations(tmp_path):
    """120 gradients one after another between validations: more epochs than this training has."""
    words = ("strategy=joint", "trainer.epochs=3", "trainer.records.images_every=2", "trainer.validation.every=null")
    summary = train(tmp_path / "run", *words)
    assert any(text.startswith("trainer.records.images_every=2 has no effect") for text in summary["warnings"])
