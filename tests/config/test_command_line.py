"""A printed command works in a shell that has none of the variables of this one."""

from pathlib import Path

import pytest

from vaerun.config.command_line import command_line
from vaerun.config.trust import trusting
from vaerun.experiment.directory import resume_command


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAERUN_CONF", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)


def test_without_variables_it_is_the_command_alone() -> None:
    assert command_line("vaerun", "sweep", "my runs") == "vaerun sweep 'my runs'"


def test_it_repeats_where_own_options_and_code_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAERUN_CONF", "/my lab/conf")
    monkeypatch.setenv("PYTHONPATH", "/my lab")
    with trusting(("mylab",)):
        said = resume_command(Path("runs/a"))
    assert said == "VAERUN_CONF='/my lab/conf' PYTHONPATH='/my lab' vaerun train resume=runs/a trust=mylab"


def test_a_command_for_another_folder_finds_the_same_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "lab:/other")
    assert command_line("vaerun", "list", started_in=Path("/home/me")) == "PYTHONPATH=/home/me/lab:/other vaerun list"
