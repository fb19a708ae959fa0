"""The directory of a run without a checkpoint says why there is none, and what to do."""

from pathlib import Path

import pytest
import torch

import vaerun
from tests.runs import train
from vaerun.errors import UserError
from vaerun.experiment.directory import write_summary
from vaerun.experiment.trained import trained

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run that was refused after its config.yaml was written."""
    path = tmp_path_factory.mktemp("refused")
    table = path / "table.csv"
    table.write_text("a,b\n" + "1.5,7\n2.5,7\n" * 10)
    with pytest.raises(UserError, match="in every row"):
        train(path / "run", "data=table", f"data.path={table}", "model/likelihood=mixed")
    assert (path / "run" / "config.yaml").exists()
    return path / "run"


def test_a_run_that_was_refused_is_opened_with_the_reason(refused: Path) -> None:
    said = r"no trained model, .* failed before its first checkpoint \(the column 'b' .*data\.drop=\[b\]\): remove"
    with pytest.raises(UserError, match=said):
        vaerun.load(refused)


def test_its_weights_are_no_beginning(refused: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="failed before its first checkpoint"):
        train(tmp_path, f"init={refused}")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("failed", r"failed before its first checkpoint \(no space\): remove this cause, and train again"),
        ("diverged", r"diverged before its first checkpoint \(no space\)"),
        ("interrupted", "has not reached its first checkpoint: wait for it if .* vaerun train resume="),
        ("running", "has not reached its first checkpoint: wait for it if .* vaerun train resume="),
        ("completed", "holds no checkpoint: restore this folder"),
    ],
)
def test_every_status_has_its_remedy(status: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    write_summary(tmp_path, {"status": status, "reason": "no space."})
    with pytest.raises(UserError, match=said):
        trained(tmp_path, "best", CPU)


def test_one_of_several_checkpoints_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "epoch_3.pt").touch()
    with pytest.raises(UserError, match="The checkpoints there are epoch_3"):
        trained(tmp_path, "best", CPU)
