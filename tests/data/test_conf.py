"""conf/data: each YAML builds its class, and states every key that the class takes with the class's own default."""

import importlib
import inspect
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vaerun.data.base import Source

FILES = sorted((Path(__file__).parents[2] / "conf" / "data").glob("*.yaml"))


def test_there_are_files():
    assert {path.stem for path in FILES} >= {"digits", "mnist", "fashion_mnist", "binarized_mnist", "arrays"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_keys_and_defaults_are_those_of_the_class(path):
    keys = dict(OmegaConf.to_container(OmegaConf.load(path)))
    module, _, name = keys.pop("_target_").rpartition(".")
    source = getattr(importlib.import_module(module), name)
    assert module == f"vaerun.data.{path.stem}"
    assert issubclass(source, Source)
    takes = {key: p.default for key, p in inspect.signature(source).parameters.items()}
    named = {key for key, value in keys.items() if isinstance(value, dict)}  # a class that the user must name
    assert all(takes.pop(key) is inspect.Parameter.empty and keys.pop(key) == {"_target_": "???"} for key in named)
    assert keys == takes
    assert path.read_text().startswith("# ")
    assert source.__doc__.rstrip().splitlines()[-1].strip().startswith("Reference: ")
