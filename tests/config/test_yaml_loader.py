"""The loader above the C parser reads what OmegaConf's own loader reads."""

from io import StringIO
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from vaerun.config import hydra
from vaerun.config.yaml_file import LOADER, OMEGACONF_LOADER, load, omegaconf_loader

pytestmark = pytest.mark.skipif(OMEGACONF_LOADER is None, reason="OmegaConf 2.4 has the C parser itself")

TRICKY = (
    "a: 1e-3\nb: 1_000\nc: .5\nd: 1e5\ne: -.inf\nf: .nan\ng: 0x1F\nh: 0o17\ni: 017\nj: 12:30:45\nk: 2020-01-01\n",
    "a: yes\nb: off\nc: ~\nd: null\ne: 'null'\nf: !!str 1\ng: [1, {b: 2}]\n? x\n: y\n",
    "a: &there {b: 1}\nc: *there\nd:\n  <<: *there\n  e: 2\n",
    "a: ${b}\nb: ${oc.select:c,3}\nt: |\n  two\n  lines\nf: >\n  one\n  line\nü: θ\n",
)


def same(text: str) -> bool:
    """To the type of each value: 1, 1.0 and True are equal in Python, and nan is not equal to itself."""
    return repr(yaml.load(StringIO(text), omegaconf_loader())) == repr(yaml.load(StringIO(text), OMEGACONF_LOADER()))


def test_every_option_reads_the_same() -> None:
    files = list(hydra.own_directory().rglob("*.yaml"))
    assert len(files) > 100
    assert all(same(path.read_text()) for path in files)


@pytest.mark.parametrize("text", TRICKY)
def test_numbers_words_and_aliases_read_the_same(text: str) -> None:
    assert same(text)


def test_it_is_the_parser_in_c_where_there_is_one() -> None:
    assert (omegaconf_loader().get_single_node is not yaml.SafeLoader.get_single_node) == (
        LOADER is not yaml.SafeLoader
    )


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2\n", "a: !!python/object/apply:os.system [true]\n", "a: [1\n", "a:\tb: c\n"]
)
def test_what_is_refused_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(text)
    for reading in (lambda: load(tmp_path / "one.yaml"), lambda: yaml.load(StringIO(text), OMEGACONF_LOADER())):
        with pytest.raises(yaml.YAMLError):
            reading()


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("# nothing\n")
    assert load(tmp_path / "one.yaml") == OmegaConf.create()


def test_an_option_is_read_again_after_a_change(tmp_path: Path) -> None:
    from vaerun.config.catalogue import Option

    path = tmp_path / "one.yaml"
    path.write_text("a: 1\n")
    first = Option("group", "one", path).content
    first["a"] = "changed by the caller"
    assert Option("group", "one", path).content == {"a": 1}
    path.write_text("a: 22\n")
    assert Option("group", "one", path).content == {"a": 22}
