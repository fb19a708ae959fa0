"""Hydra builds, imports and reads nothing that a file of a stranger names; its own options stay usable."""

import os
import pickle
import sys
from pathlib import Path

import pytest
from hydra._internal.core_plugins import file_config_source, importlib_resources_config_source
from hydra._internal.sources_registry import SourcesRegistry
from omegaconf import OmegaConf

from vaerun import cli
from vaerun.command.job import Job
from vaerun.config import hydra, hydra_guard
from vaerun.config.hydra_guard import check_hydra_node
from vaerun.config.trust import trusted, trusting
from vaerun.errors import UserError


@pytest.mark.parametrize(
    "word",
    [
        "hydra/job_logging=stdout",
        "hydra/job_logging=default",
        "hydra/job_logging=none",
        "+hydra.callbacks.a={_target_: hydra.experimental.callbacks.LogJobReturnCallback}",
        "+hydra.job.env_set.A=b",
        "hydra.sweep.dir=x",
    ],
)
def test_what_hydra_offers_stays_usable(word: str) -> None:
    assert hydra.compose([word])[1]["data"] == "digits"


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"launcher": {"_target_": "os.system"}}, "hydra.launcher._target_"),
        ({"sweeper": {"params": {"_target_": "os.system"}}}, "hydra.sweeper.params._target_"),
        ({"callbacks": {"a": {"_target_": "hydra.utils.get_object"}}}, "hydra.callbacks.a._target_"),
        ({"callbacks": {"a": [{"b": {"_target_": "os.system"}}]}}, "hydra.callbacks.a.b._target_"),
        ({"callbacks": {"a": {"_target_": "${b}"}}}, "hydra.callbacks.a._target_"),
        ({"job_logging": {"formatters": {"a": {"()": "os.system"}}}}, r"hydra.job_logging.formatters.a.\(\)"),
        ({"hydra_logging": {"handlers": {"a": {"class": "os.system"}}}}, "hydra.hydra_logging.handlers.a.class"),
        (
            {"job_logging": {"handlers": {"a": {"filename": "/home/.bashrc"}}}},
            "hydra.job_logging.handlers.a.filename",
        ),
        ({"job_logging": {"handlers": {"a": {"filename": "${hydra.runtime.output_dir}/../a.log"}}}}, "filename"),
        ({"job_logging": {"handlers": {"a": {"stream": "ext://antigravity"}}}}, "hydra.job_logging.handlers.a.stream"),
        ({"job": {"env_set": {"CXX": "a"}}}, "hydra.job.env_set"),
    ],
)
def test_code_and_places_in_the_node_of_hydra_are_refused(node: dict, key: str) -> None:
    with pytest.raises(UserError, match=key):
        check_hydra_node(OmegaConf.create({"hydra": node}))


def test_a_package_of_the_search_path_is_imported_only_if_it_is_trusted() -> None:
    hydra.prepare()
    source = SourcesRegistry.instance().resolve("pkg")
    with pytest.raises(UserError, match="trust=antigravity"):
        source("a file", "pkg://antigravity")
    assert "antigravity" not in sys.modules
    with trusting(["tests"]):
        assert source("the user", "pkg://tests.config").available()


def test_another_process_of_a_sweep_keeps_the_checks_and_the_trust() -> None:
    hydra.prepare()
    registry = SourcesRegistry.instance()
    for own in (file_config_source.FileConfigSource, importlib_resources_config_source.ImportlibResourcesConfigSource):
        registry.register(own)  # as Hydra does when a process begins
        assert registry.resolve(own.scheme()).__module__ == hydra_guard.__name__
    job = pickle.loads(pickle.dumps(Job(["mylab"])))
    assert job.trust == ("mylab",)


def test_processes_of_a_command_do_not_import_from_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """joblib starts its workers with python -m, for which Python puts the current folder first."""
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    seen: list[tuple[str | None, tuple[str, ...]]] = []
    monkeypatch.setattr(
        "vaerun.command.train.main", lambda argv: seen.append((os.environ.get("PYTHONSAFEPATH"), trusted())) or 0
    )
    with trusting(()):
        assert cli.dispatch(["train", "trust=mylab"]) == 0
    assert seen == [("1", ("mylab",))]
    assert "PYTHONSAFEPATH" not in os.environ
