"""A reference in a list of defaults gets the choices; elsewhere the composition is that of Hydra's own map."""

from pathlib import Path

import pytest
from hydra._internal import defaults_list

from vaerun.config import hydra, known_choices

pytestmark = pytest.mark.skipif(known_choices.MAP is None, reason="this version of Hydra makes no map")


def test_the_composition_is_hydras_own(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["strategy=joint", "experiment=pythae/vae_mnist"]
    quick = hydra.compose(words)
    monkeypatch.setattr(known_choices, "prepare", lambda: None)
    monkeypatch.setattr(defaults_list, "_create_interpolation_map", known_choices.MAP)
    assert hydra.compose(words) == quick


def test_a_reference_finds_the_choice(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "one.yaml").write_text("# @package _global_\ndefaults:\n  - /mine: ${experiment}_own\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "one_own.yaml").write_text("a: 1\n")
    config, choices = hydra.compose(["experiment=one"], tmp_path)
    assert choices["mine"] == "one_own"
    assert config.mine.a == 1
