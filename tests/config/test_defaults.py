"""What a run would have by its choices alone."""

import pytest

from vaerun.config import hydra
from vaerun.config.catalogue import Catalogue
from vaerun.config.defaults import default_choices, defaults, flatten
from vaerun.config.folders import roots
from vaerun.experiment.make import plain

CHOICES = [
    (),
    ("strategy=coordinate", "strategy/phi_init=random"),
    ("posterior=categorical", "model.latent_dim=20", "estimator=concrete"),
    ("objective/kl_weight=cyclic", "model/likelihood=discretized_logistic", "data=mnist"),
    ("objective=beta", "evaluation=gap", "estimator=score"),
]


@pytest.mark.parametrize("words", CHOICES, ids=" ".join)
def test_a_run_that_sets_no_key_has_its_defaults(words):
    cfg, choices = hydra.compose([word for word in words if "latent_dim" not in word])
    config = plain(cfg)
    found = defaults(config, choices, Catalogue(roots()))
    values = {key: value for key, value in flatten(config).items() if "." in key and "._partial_" not in key}
    assert {key: value for key, value in found.items() if "._partial_" not in key} == values


def test_a_key_that_is_set_differs_from_its_default():
    cfg, choices = hydra.compose(["optimizer.learning_rate=0.5", "trainer.validation.points=7"])
    found = defaults(plain(cfg), choices, Catalogue(roots()))
    assert (found["optimizer.learning_rate"], found["trainer.validation.points"]) == (0.001, 1000)


def test_another_class_than_that_of_the_option_has_no_defaults():
    cfg, choices = hydra.compose(["optimizer._target_=mine.SGD"])
    found = defaults(plain(cfg), choices, Catalogue(roots()))
    assert [key for key in found if key.startswith("optimizer")] == ["optimizer._target_"]


def test_choices_that_an_option_makes_in_other_groups_are_the_usual_ones():
    _, choices = hydra.compose(["posterior=categorical"])
    assert choices["model/prior"] == "categorical"
    usual = default_choices(choices, Catalogue(roots()))
    assert {group: usual[group] for group in ("model/prior", "model", "strategy")} == {
        "model/prior": "categorical",
        "model": "vae",
        "strategy": "amortized",
    }
