"""What the wheel will hold."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_yaml_and_data_file_is_covered() -> None:
    assert SETUPTOOLS["package-data"]["vaerun.conf"] == ["**/*.yaml"]
    shipped = {path.suffix for path in (ROOT / "src" / "vaerun" / "data").iterdir() if path.is_file()} - {".py"}
    assert {f"data/*{suffix}" for suffix in shipped} <= set(SETUPTOOLS["package-data"]["vaerun"])
    templates = {path.parent for path in (ROOT / "src" / "vaerun" / "report" / "page" / "templates").iterdir()}
    assert {f"{path.relative_to(ROOT / 'src' / 'vaerun')}/*" for path in templates} <= set(
        SETUPTOOLS["package-data"]["vaerun"]
    )
