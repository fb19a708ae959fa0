"""What the wheel will hold."""

import tomllib
from pathlib import Path

from setuptools import find_packages

ROOT = Path(__file__).parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_is_listed() -> None:
    # The list is written out, because conf/ stands outside of src/ and automatic discovery would miss one of the two.
    assert set(SETUPTOOLS["packages"]) == {*find_packages(str(ROOT / "src")), "vaerun.conf"}


def test_every_yaml_and_data_file_is_covered() -> None:
    assert SETUPTOOLS["package-data"]["vaerun.conf"] == ["**/*.yaml"]
    shipped = {path.suffix for path in (ROOT / "src" / "vaerun" / "data").iterdir() if path.is_file()} - {".py"}
    assert {f"data/*{suffix}" for suffix in shipped} <= set(SETUPTOOLS["package-data"]["vaerun"])
