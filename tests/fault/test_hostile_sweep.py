"""The directory of a sweep of a stranger: nothing in it runs, is written elsewhere, or hangs."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.test_cli import fit, vaerun  # noqa: F401 - fixtures
from vaerun.config.typed import must_be_typed
from vaerun.sweep import marker, progress
from vaerun.sweep.job import Job

pytestmark = pytest.mark.slow

BASIC = ("hydra/launcher=basic", "hydra.sweep.dir=s")
NAME = "amortized_reparam_gaussian_elbo_digits_seed0"


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """Where a sweep that nobody has changed is kept: the first test makes it."""
    return tmp_path_factory.mktemp("honest") / "s"


@pytest.fixture
def sweep(vaerun, fit, honest, tmp_path):  # noqa: F811
    """A sweep of one job that is not completed, and a file that must not change; its directory."""

    def train(cfg, choices, directory, *, live, words):
        (directory / "environment").write_text(os.environ.get("CXX", ""))

    fit(train)
    if not honest.exists():
        assert vaerun("sweep", "seed=0", *BASIC)[0] == 0
        shutil.copytree(tmp_path / "s", honest, symlinks=True)
    else:
        shutil.copytree(honest, tmp_path / "s", symlinks=True)
        change(tmp_path / "s", folder=str(tmp_path))  # it is continued there
    (tmp_path / "victim").write_text("precious")
    return tmp_path / "s"


def change(sweep: Path, **keys: object) -> None:
    """Writes other keys into sweep.yaml."""
    path = sweep / "sweep.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **keys}))


def refused(vaerun, *words: str) -> str:  # noqa: F811
    """The one sentence that a sweep is refused with."""
    code, _, err = vaerun("sweep", *words)
    assert code == 2, err
    assert err.count("vaerun: ") == 1
    assert "internal error" not in err
    assert Path("victim").read_text() == "precious"
    return err


WORDS = (
    "+hydra.job.env_set.CXX=evil",
    "+hydra.job.env_copy=[HOME]",
    "hydra.job.name=../victim",
    "hydra.output_subdir=../..",
    "hydra.sweep.subdir=../victim",
    "hydra.searchpath=[pkg://evil]",
    "hydra.launcher.setup=[touch]",
    "+hydra.launcher={setup:[touch]}",
    "hydra={job:{env_set:{CXX:evil}}}",
    "hydra.callbacks={}",
    "seed=${oc.env:SECRET}",
    "--experimental-rerun=evil.pickle",
    "+hydra.launcher.partition=a\ntouch",
    "hydra.sweeper.storage=sqlite:///victim",
)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_must_be_typed_is_not_taken_from_the_file(word, vaerun, sweep):  # noqa: F811
    change(sweep, words=["seed=0", *BASIC, word])
    assert "is not taken from a file: if it is your own, type it again" in refused(vaerun, "s")


@pytest.mark.parametrize(
    "word",
    ["seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.subdir=a_{swept}", "hydra.verbose=1"],
)
def test_other_words_are_taken_from_the_file(word):
    assert not must_be_typed(word)


def test_a_word_that_must_be_typed_is_in_the_command_that_continues_the_sweep(vaerun, sweep):  # noqa: F811
    word = "+hydra.job.env_set.CXX=mine"
    _, _, err = vaerun("sweep", "seed=0", *BASIC, word)
    assert f"to continue it: vaerun sweep s {word}\n" in err
    assert (sweep / NAME / "environment").read_text() == "mine"
    assert "type it again" in refused(vaerun, "s")
    assert vaerun("sweep", "s", word)[0] == 0


@pytest.mark.parametrize("flag", ["--experimental-rerun=evil.pickle", "--cfg=job", "--run", "seed=3"])
def test_a_flag_of_the_file_is_a_folder_of_configurations(flag, vaerun, sweep):  # noqa: F811
    change(sweep, flags=[flag])
    assert "which a sweep does not take" in refused(vaerun, "s")


@pytest.mark.parametrize(
    "keys", [{"words": "seed=0"}, {"words": [3]}, {"flags": None}, {"folder": 3}, {"words": {"a": 1}}, {"folder": []}]
)
def test_a_definition_of_odd_types_is_damaged(keys, vaerun, sweep):  # noqa: F811
    change(sweep, **keys)
    assert "is damaged" in refused(vaerun, "s")


LINKS: Mapping[str, Callable[[Path], Path]] = {
    "multirun.yaml": lambda sweep: sweep / "multirun.yaml",
    "sweep.yaml": lambda sweep: sweep / "sweep.yaml",
    ".jobs": lambda sweep: sweep / ".jobs",
    ".jobs/lock": lambda sweep: sweep / ".jobs" / "lock",
    "a job": lambda sweep: sweep / NAME,
}


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
@pytest.mark.parametrize("name", LINKS)
def test_what_is_not_a_file_of_the_sweep_is_refused(name, kind, vaerun, sweep, tmp_path):  # noqa: F811
    path = LINKS[name](sweep)
    if kind == "folder" and name in (".jobs", "a job"):
        return
    elsewhere = tmp_path / "elsewhere"
    if path.is_dir():
        path.rename(elsewhere)
    else:
        path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(elsewhere if elsewhere.exists() else tmp_path / "victim")
    refused(vaerun, "seed=0", *BASIC)
    refused(vaerun, "s")


def test_a_marker_and_a_stop_file_that_are_links_are_replaced_and_folders_refused(vaerun, sweep, tmp_path):  # noqa: F811
    for path in (sweep / ".jobs" / f"{NAME}.json", sweep / ".jobs" / "stop"):
        path.unlink(missing_ok=True)
        path.symlink_to(tmp_path / "victim")
        assert vaerun("sweep", "s")[0] == 0
        assert (tmp_path / "victim").read_text() == "precious"
        path.unlink(missing_ok=True)
        path.mkdir()
        assert "is a folder" in refused(vaerun, "s")
        path.rmdir()


GOOD = {"pid": 1, "host": "a", "started": 1.0, "ended": 2.0, "code": 0, "reason": ""}


@pytest.mark.parametrize(
    "content",
    [
        *(json.dumps({**GOOD, key: value}) for key in GOOD for value in ("1x", None, [], {}) if key not in ("reason",)),
        json.dumps({**GOOD, "reason": 3}),
        "[" * 30_000,
        "3",
        "",
    ],
)
def test_a_marker_of_odd_types_says_nothing(content, tmp_path):
    path = marker.marker(tmp_path / "job")
    path.parent.mkdir()
    path.write_text(json.dumps(GOOD))
    job = Job((), {}, directory=tmp_path / "job")  # type: ignore[arg-type]
    assert progress.state(job).status == "completed"
    path.write_text(content)
    assert progress.state(job).status in ("waiting", "completed" if '"host": "1x"' in content else "waiting")


def test_a_log_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "log.txt")
    assert progress.warnings(tmp_path / "log.txt", 0) == ([], 0)


def test_a_directory_that_is_a_file_is_one_sentence(vaerun, sweep):  # noqa: F811
    for words in (("victim",), ("seed=0", "hydra/launcher=basic", "hydra.sweep.dir=victim")):
        refused(vaerun, *words)
