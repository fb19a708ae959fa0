"""The composition that tests share is the one of ``vaerun train``."""

import pytest
from omegaconf import OmegaConf

from tests.composition import composed
from vaerun.config import hydra


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["strategy=joint", "trainer.epochs=3"],
        ["trainer.epochs=3", "data=csv", "data.path=x.csv", "seed=3", "model.decoder.hidden=[16,8]"],
        ["model/likelihood=gaussian", "posterior=full_gaussian", "posterior.initial_scale=0.5"],
        ["estimator=score", "estimator/baseline=nvil"],
        ["+experiment=kingma2014", "trainer.epochs=7"],
        ["experiment=kingma2014", "evaluation.num_samples=3"],
        ["tracking=[csv]", "tracking.csv={}"],
        ["~evaluation.num_samples"],
        ["hydra.run.dir=x"],
        ["model.nonsense=1"],
        ["trainer.epochs=2", "trainer.epochs=4"],
    ],
    ids=" ".join,
)
def test_it_is_the_composition_of_hydra(words: list[str]) -> None:
    """Three times, because the first fills the store, and a test may change what it is given."""
    wanted = made(hydra.compose, words)
    for _ in range(3):
        assert made(composed, words) == wanted


def made(compose, words: list[str]) -> tuple[object, object]:
    """The configuration as text and the choices; or what is wrong."""
    try:
        config, choices = compose(words)
    except Exception as error:
        return type(error), str(error)
    text = OmegaConf.to_yaml(config)
    config.seed = config.trainer.epochs = 12345
    choices["data"] = "spoiled"
    return text, {**choices, "data": None}
