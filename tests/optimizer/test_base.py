"""What a strategy and a checkpoint ask of an optimiser, torch.optim's have too."""

import signal
from pathlib import Path

import pytest

from tests.runs import TINY, equal, records, state
from tests.trainer.test_resume import interrupt_at
from vaerun.config import hydra
from vaerun.config.check import check
from vaerun.config.trust import trusting
from vaerun.errors import Interrupted
from vaerun.experiment.fit import fit

SGD = """\
# Plain steps with momentum
_target_: torch.optim.SGD
_partial_: true
lr: 0.001
momentum: 0.9
"""


def train(directory: Path, conf: Path) -> None:
    cfg, choices = hydra.compose([*TINY, "optimizer=sgd"], conf)
    with trusting(["torch"]):
        check(cfg, choices, [*hydra.roots(), conf])
        fit(cfg, choices, directory, live=False)


def test_an_optimiser_of_torchs_in_the_users_own_yaml_trains_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "conf"
    (conf / "optimizer").mkdir(parents=True)
    (conf / "optimizer" / "sgd.yaml").write_text(SGD)
    train(tmp_path / "whole", conf)
    curve = [record["elbo/train"] for record in records(tmp_path / "whole") if "elbo/train" in record]
    assert curve[-1] > curve[0]
    with monkeypatch.context() as patch:
        interrupt_at(9, signal.SIGINT, patch)
        with pytest.raises(Interrupted):
            train(tmp_path / "parts", conf)
    train(tmp_path / "parts", conf)
    assert equal(state(tmp_path / "whole"), state(tmp_path / "parts"))
