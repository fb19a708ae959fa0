"""Hydra builds, imports and reads nothing that a file of a stranger names; its own options stay usable."""

import os
import pickle
import sys
from pathlib import Path

import pytest
from hydra._internal.core_plugins import file_config_source, importlib_resources_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.errors import MissingConfigException
from omegaconf import OmegaConf

from vaerun import cli
from vaerun.command.job import Job
from vaerun.config import hydra, hydra_guard
from vaerun.config.folders import roots
from vaerun.config.hydra_guard import check_hydra_node
from vaerun.config.logging_guard import write_through_no_link
from vaerun.config.trust import trusted, trusting
from vaerun.errors import UserError

LOG = "${hydra.runtime.output_dir}/a.log"


def handler(kind: str = "logging.FileHandler", **keys: object) -> dict[str, object]:
    """A configuration of logging with one handler."""
    place = {"filename": LOG} if kind == "logging.FileHandler" else {}
    return {"job_logging": {"handlers": {"a": {"class": kind, **place, **keys}}}}


@pytest.mark.parametrize(
    "word",
    [
        "hydra/job_logging=stdout",
        "hydra/job_logging=default",
        "hydra/job_logging=none",
        "+hydra.callbacks.a={_target_: hydra.experimental.callbacks.LogJobReturnCallback}",
        "+hydra.job.env_set.A=b",
        "hydra.sweep.dir=x",
        "hydra/launcher=ray",
        "hydra/launcher=submitit_slurm",
        "hydra/launcher=submitit_local",
        "hydra/launcher=joblib",
    ],
)
def test_what_hydra_offers_stays_usable(word: str) -> None:
    hydra.prepare()
    hydra.prefer_own_settings()  # as every command does
    assert hydra.compose([word])[1]["data"] == "digits"


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"launcher": {"_target_": "os.system"}}, "hydra.launcher._target_"),
        ({"sweeper": {"storage": "postgresql://stranger/db"}}, "hydra.sweeper.storage"),
        ({"sweeper": {"params": {"_target_": "os.system"}}}, "hydra.sweeper.params._target_"),
        ({"callbacks": {"a": {"_target_": "hydra.utils.get_object"}}}, "hydra.callbacks.a._target_"),
        ({"callbacks": {"a": [{"b": {"_target_": "os.system"}}]}}, "hydra.callbacks.a.b._target_"),
        ({"callbacks": {"a": {"_target_": "${b}"}}}, "hydra.callbacks.a._target_"),
        ({"job_logging": {"formatters": {"a": {"()": "os.system"}}}}, r"hydra.job_logging.formatters.a.\(\)"),
        ({"hydra_logging": {"handlers": {"a": {"class": "os.system"}}}}, "hydra.hydra_logging.handlers.a.class"),
        (handler(filename="/home/.bashrc"), "hydra.job_logging.handlers.a.filename"),
        (handler(filename="${hydra.runtime.output_dir}/../a.log"), "filename"),
        (handler("logging.StreamHandler", stream="ext://antigravity"), "hydra.job_logging.handlers.a.stream"),
        (handler("logging.StreamHandler", stream="${a}"), "hydra.job_logging.handlers.a.stream"),
        (handler(**{".": {"baseFilename": "/home/.bashrc"}}), r"hydra.job_logging.handlers.a\.\."),
        (handler(mode="w"), "hydra.job_logging.handlers.a.mode"),
        (handler("logging.StreamHandler", filename=LOG), "hydra.job_logging.handlers.a.filename"),
        (handler("${a}"), "hydra.job_logging.handlers.a.class"),
        (
            {"job_logging": {"formatters": {"a": {"class": "logging.FileHandler", "format": "/home/.bashrc"}}}},
            "hydra.job_logging.formatters.a.class",
        ),
        ({"job_logging": {"formatters": {"a": {"format": "${a}"}}}}, "hydra.job_logging.formatters.a.format"),
        ({"job_logging": {"formatters": {"a": {"format": "ext://a.b"}}}}, "hydra.job_logging.formatters.a.format"),
        ({"job_logging": {"filters": {"a": {"()": "os.system"}}}}, r"hydra.job_logging.filters.a.\(\)"),
        ({"job_logging": {"handlers": "${a}"}}, "hydra.job_logging.handlers"),
        ({"job_logging": "${a}"}, "hydra.job_logging"),
        ({"job_logging": {"root": {"handlers": ["ext://a.b"]}}}, "hydra.job_logging.root.handlers.0"),
        ({"callbacks": "${a}"}, "hydra.callbacks"),
        ({"callbacks": {"a": "${a}"}}, "hydra.callbacks.a"),
        ({"callbacks": {"a": "${oc.create:'{_target_: os.system}'}"}}, "hydra.callbacks.a"),
        ({"sweeper": {"params": [1, "${a}"]}}, r"hydra.sweeper.params\[1\]"),
        ({"launcher": "${nowhere}"}, "hydra.launcher"),
        ({"sweeper": {"params": {"+hydra.job.env_set.CXX": "a"}}}, "hydra.sweeper.params"),
        ({"job": {"env_set": {"CXX": "a"}}}, "hydra.job.env_set.CXX"),
        ({"job": {"env_copy": ["HOME"], "env_set": {"HOME": "a"}}}, "hydra.job.env_copy"),
        ({"overrides": {"hydra": ["+hydra.job.env_set.CXX=a"]}, "job": {"env_set": {"CXX": "a"}}}, "hydra.overrides"),
        ({"overrides": {"task": ["seed=3"]}}, "hydra.overrides"),
        ({"job": {"name": "../../a"}}, "hydra.job.name"),
        ({"job": {"name": "${a}"}}, "hydra.job.name"),
        ({"output_subdir": "/home"}, "hydra.output_subdir"),
        ({"sweep": {"subdir": "a/../../b"}}, "hydra.sweep.subdir"),
        ({"runtime": {"output_dir": "/home"}}, "hydra.runtime.output_dir"),
        ({"launcher": {"setup": ["touch a"]}}, "hydra.launcher.setup"),
        ({"launcher": {"additional_parameters": {"wrap": "touch a"}}}, "hydra.launcher.additional_parameters.wrap"),
        ({"launcher": {"submitit_folder": "/home"}}, "hydra.launcher.submitit_folder"),
        ({"launcher": {"ray": {"init": {"address": "a"}}}}, "hydra.launcher.ray.init.address"),
    ],
)
def test_code_and_places_in_the_node_of_hydra_are_refused(node: dict, key: str) -> None:
    with pytest.raises(UserError, match=f"^{key}" if key.startswith("hydra") else key):
        check_hydra_node(OmegaConf.create({"hydra": node, "a": {"_target_": "os.system"}}))


def test_a_word_frees_only_what_it_sets() -> None:
    environment = {"hydra": {"job": {"env_set": {"A": "b", "CXX": "c"}}}}
    for words in (["+hydra.job.env_set.A=b"], ["hydra.job.env_set={A:b}"], ["+hydra.job={env_set:{A:b}}"]):
        with pytest.raises(UserError, match=r"env_set\.CXX"):
            check_hydra_node(OmegaConf.create(environment), words)
        check_hydra_node(OmegaConf.create(environment), [*words, "+hydra.job.env_set.CXX=c"])
    place = {"hydra": {"job": {"name": "../a"}, "output_subdir": "/b"}}
    with pytest.raises(UserError, match=r"hydra\.output_subdir"):
        check_hydra_node(OmegaConf.create(place), ["hydra.job.name=../a"])
    check_hydra_node(OmegaConf.create(place), ["hydra.job.name=../a", "hydra.output_subdir=/b"])
    check_hydra_node(OmegaConf.create({"hydra": {"callbacks": {"a": "${b}"}}, "b": 3}))


def test_a_log_file_is_opened_by_the_handler_that_follows_no_link() -> None:
    config = OmegaConf.create({"hydra": handler()})
    write_through_no_link(config)
    assert config.hydra.job_logging.handlers.a["class"] == "vaerun.system.log_file.LogFile"


STRANGER = """# @package _global_
hydra:
  overrides:
    hydra: ["+hydra.job.env_set.CXX=evil"]
  job:
    env_set: {CXX: evil}
"""


def test_a_file_cannot_pretend_that_a_word_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(STRANGER)
    with pytest.raises(UserError, match=r"hydra\.overrides is not taken from a file"):
        hydra.compose(["experiment=mine"])


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


def test_a_configuration_that_was_shown_leaves_no_folder_to_search(tmp_path: Path, capsys) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 7\n")
    shown = ["train", hydra.searching(tmp_path), "experiment=mine", "--cfg", "job"]
    assert cli.dispatch(shown) == 0
    assert "seed: 7" in capsys.readouterr().out
    assert hydra.searched() == roots()
    with pytest.raises(MissingConfigException):
        hydra.compose(["experiment=mine"])


def test_a_folder_of_any_name_is_searched(tmp_path: Path) -> None:
    folder = tmp_path / "a?b #c%41 $x 'y' [z], w" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nseed: 7\n")
    config, _ = hydra.compose([hydra.searching(folder.parent), "experiment=mine"])
    assert config.seed == 7
