"""A tracker whose records can leave the run directory starts only if the command line names it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import composition
from vaerun import cli
from vaerun.config import hydra
from vaerun.config.catalogue import Catalogue
from vaerun.config.check.tracking import named, started
from vaerun.config.typed import must_be_typed
from vaerun.errors import UserError

CATALOGUE = Catalogue(hydra.roots()[:1])
OUTSIDE = ("mlflow", "wandb")


@pytest.fixture(autouse=True)
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaerun.config.check.tracking.find_spec", lambda name: name)


def composed(*words: str) -> dict[str, Any]:
    return hydra.OmegaConf.to_container(composition.composed(words)[0])  # type: ignore[return-value]


def names(config: Mapping[str, Any], *words: str) -> list[str]:
    return list(started(config, words, CATALOGUE).nodes)


def test_every_tracker_is_a_node_of_its_own() -> None:
    everything = list(CATALOGUE.groups["tracking"])
    assert {"csv", "tensorboard", *OUTSIDE} <= set(everything)
    assert list(composed(f"tracking=[{','.join(everything)}]")["tracking"]) == everything
    assert list(composed()["tracking"]) == ["tensorboard"]
    assert composed("tracking=csv")["tracking"].keys() == {"csv"}
    assert composed("tracking=[]")["tracking"] == {}


@pytest.mark.parametrize("word", ["tracking=[csv,mlflow]", "tracking=['csv', \"mlflow\"]"])
def test_what_is_typed_starts(word: str) -> None:
    assert names(composed(word), word) == ["csv", "mlflow"]


@pytest.mark.parametrize("tracker", OUTSIDE)
def test_what_only_a_file_says_does_not_start(tracker: str) -> None:
    config = composed(f"tracking=[csv,{tracker}]")
    found = started(config, ["tracking=[csv]", "seed=0"], CATALOGUE)
    assert list(found.nodes) == ["csv"]
    assert f"add 'tracking=[csv,{tracker}]'" in found.remark


def test_the_remark_has_the_keys_that_are_not_the_defaults() -> None:
    config = composed("tracking=[wandb]", "tracking.wandb.project=other", "tracking.wandb.mode=offline")
    remark = started(config, [], CATALOGUE).remark
    assert "add 'tracking=[wandb]' tracking.wandb.project=other tracking.wandb.mode=offline if" in remark


@pytest.mark.parametrize(
    "key", ["mlflow.tracking_uri=http://elsewhere", "wandb.entity=somebody", "wandb.project=theirs"]
)
def test_a_key_from_a_file_is_refused_although_the_tracker_is_typed(key: str) -> None:
    tracker = key.partition(".")[0]
    config = composed(f"tracking=[{tracker}]", f"tracking.{key}")
    with pytest.raises(UserError, match=r"tracking\.\w+\.\w+ is not taken from a file"):
        names(config, f"tracking=[{tracker}]")
    assert names(config, f"tracking=[{tracker}]", f"tracking.{key}") == [tracker]


def test_a_class_from_a_file_is_refused_under_the_name_of_a_tracker() -> None:
    config = composed("tracking=[wandb]")
    config["tracking"]["wandb"]["_target_"] = "vaerun.tracking.mlflow.MLflow"
    with pytest.raises(UserError, match="_target_ is not taken from a file"):
        names(config, "tracking=[wandb]")


def test_a_package_that_is_not_installed_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaerun.config.check.tracking.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"tracking=mlflow needs mlflow, .* pip install 'vaerun\[mlflow\]'"):
        names(composed("tracking=[mlflow]"), "tracking=[mlflow]")
    assert names(composed("tracking=[mlflow,csv]")) == ["csv"]  # what does not start needs nothing


def test_a_package_of_a_tracker_of_ones_own_is_installed_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mytrack.py").write_text(
        "from vaerun.tracking.base import Tracker\n\n\nclass Lab(Tracker):\n    package = 'labpackage'\n"
    )
    monkeypatch.chdir(tmp_path)
    config = composed()
    config["tracking"] = {"lab": {"_target_": "mytrack.Lab"}}
    words = ("tracking.lab._target_=mytrack.Lab",)
    monkeypatch.setattr("vaerun.config.check.tracking.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"tracking=lab needs labpackage, .* run pip install labpackage"):
        names(config, *words)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("tracking=wandb", {"wandb"}),
        ("tracking=[wandb,csv]", {"wandb", "csv"}),
        ("+tracking=[wandb]", {"wandb"}),
        ("tracking.wandb.mode=offline", {"wandb"}),
        ("tracking=[]", set()),
        ("trackings=wandb", set()),
        ("~tracking.wandb", set()),
    ],
)
def test_the_words_that_name_a_tracker(word: str, found: set[str]) -> None:
    assert named([word]) == found


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("tracking=[csv,tensorboard]", False),
        ("tracking=csv", False),
        ("tracking=[csv,nothing]", True),
        ("tracking=[]", False),
        ("tracking=[csv,wandb]", True),
        ("tracking=[tensorboardcsvmine]", True),
        ("+tracking=mlflow", True),
        ("tracking.mlflow.tracking_uri=http://elsewhere", True),
        ("+tracking.x._target_=a.B", True),
    ],
)
def test_the_file_of_a_sweep_chooses_only_what_stays_in_the_run_directory(word: str, typed: bool) -> None:
    assert must_be_typed(word) == typed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["tracking=[tensorbord]"], "Did you mean 'tensorboard'?"),
        (["tracking=none"], "tracking=[] chooses none."),
        (["tracking=null"], "tracking takes a list of options, got tracking=null: write tracking=[tensorboard]"),
        (["~tracking"], "or tracking=[] for none."),
        (["+tracking.csv=3"], "tracking.csv is not an option of tracking."),
        (["tracking=[csv]", "+tracking.csv.x=3"], "tracking.csv.x is not a key of tracking=csv."),
        (["tracking.wandb.mode=offline"], "use tracking=wandb."),
        (["tracking=[wandb]", "tracking.wandb.mode=off"], "must be online or offline or disabled or null, got off."),
        (["tracking=[wandb]", "+tracking.wandb.directory=/"], "tracking.wandb.directory cannot be set"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.dispatch(["train", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_file_without_a_node_of_its_own_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf" / "tracking").mkdir(parents=True)
    (tmp_path / "conf" / "tracking" / "mine.yaml").write_text("_target_: vaerun.tracking.csv.Csv\n")
    monkeypatch.chdir(tmp_path)
    assert cli.dispatch(["train", "tracking=[mine]"]) == 2
    assert "begin with the line '# @package tracking." in capsys.readouterr().err
