"""The composition by which Hydra learns the mode is that of the run, where Hydra would compose the same once more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra as hydra_itself
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import OmegaConf

from vaerun.config import hydra
from vaerun.config.first_composition import SINGLE
from vaerun.errors import UserError

LOADED = hydra.LOAD


@pytest.fixture
def compositions(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The words of each composition that Hydra makes."""
    made: list[Any] = []

    def counted(loader: Any, name: str, words: list[str], *args: Any, **keys: Any) -> Any:
        made.append(list(words))
        return LOADED(loader, name, words, *args, **keys)

    monkeypatch.setattr(hydra, "LOAD", counted)
    return made


@pytest.fixture
def composing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Hydra's object that composes, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    hydra.prepare()
    with hydra._alone(), hydra_itself.initialize_config_module(hydra.PACKAGE, job_name="vaerun", **hydra.LEVEL):
        yield GlobalHydra.instance().hydra


def run(composing: Any, words: list[str]) -> Any:
    """What Hydra does for a single job: it asks for the mode, and composes with the mode as a further word."""
    assert composing.get_mode("config", list(words)) is None
    return composing.compose_config("config", [*words, SINGLE], RunMode.RUN)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["strategy=joint", "trainer.epochs=3"],
        ["experiment=pythae/vae_mnist", "hydra.run.dir=x"],
        ["+seeds=1", "~seeds"],
    ],
    ids=" ".join,
)
def test_one_composition_serves_both_and_is_the_one_that_hydra_makes(
    words: list[str], composing: Any, compositions: list[Any]
) -> None:
    first = run(composing, words)
    assert compositions == [words]
    again = composing.compose_config("config", [*words, SINGLE], RunMode.RUN)
    assert len(compositions) == 2
    assert first is not again
    assert OmegaConf.to_container(first) == OmegaConf.to_container(again)
    assert first.hydra.mode == again.hydra.mode == RunMode.RUN
    assert OmegaConf.is_struct(first.hydra) == OmegaConf.is_struct(again.hydra)


def test_values_that_may_be_swept_are_left_to_hydra(composing: Any, compositions: list[Any]) -> None:
    with pytest.raises(ConfigCompositionException, match=r"seed=1,2"):
        run(composing, ["seed=1,2"])
    run(composing, ["model.decoder.hidden=[16,8]"])
    assert len(compositions) == 4


def test_an_option_that_must_be_given_is_still_asked_for(
    composing: Any, compositions: list[Any], tmp_path: Path
) -> None:
    for name, text in {
        "experiment/asks": "# @package _global_\ndefaults:\n  - /own: ???\n",
        "own/one": "a: 1\n",
    }.items():
        (tmp_path / "dir" / name).parent.mkdir(parents=True)
        (tmp_path / "dir" / f"{name}.yaml").write_text(text)
    with pytest.raises(ConfigCompositionException, match=r"You must specify 'own'"):
        run(composing, [hydra.searching(tmp_path / "dir"), "experiment=asks"])
    assert len(compositions) == 2


def test_a_file_that_asks_for_a_sweep_has_one(composing: Any, compositions: list[Any]) -> None:
    words = ["experiment=lecture/samples"]
    assert composing.get_mode("config", words) == RunMode.MULTIRUN
    composing.compose_config("config", words, RunMode.MULTIRUN)
    assert len(compositions) == 2


@pytest.mark.parametrize(
    "word", ["strategy=nothing", "strategi=joint", "trainer.epoch=3", "+hydra.callbacks.x._target_=os.system"]
)
def test_an_error_is_met_once(word: str, composing: Any, compositions: list[Any]) -> None:
    with pytest.raises((ConfigCompositionException, UserError)) as first:
        run(composing, [word])
    assert compositions == [[word]]
    with pytest.raises(type(first.value)) as again:
        composing.compose_config("config", [word, SINGLE], RunMode.RUN)
    assert len(compositions) == 2
    assert str(first.value) == str(again.value)
    assert str(first.value.__cause__) == str(again.value.__cause__)
