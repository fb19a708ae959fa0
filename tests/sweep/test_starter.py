"""How many jobs of a sweep share a machine."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from vaerun.sweep import starter
from vaerun.sweep.job import Job
from vaerun.sweep.starter import Starter


class JoblibLauncher:
    """Has the name and the settings of Hydra's."""

    def __init__(self) -> None:
        self.joblib: dict[str, Any] = {"n_jobs": -1}
        self.at_once: list[int] = []

    def launch(self, words: list[list[str]], index: int) -> None:
        self.at_once.append(self.joblib["n_jobs"])


def test_joblib_runs_as_many_jobs_as_share_the_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(starter, "available_cores", lambda: 8)
    hydra = {"runtime": {"choices": {}}, "launcher": {"n_jobs": -1}}
    config = OmegaConf.create({"execution": {"threads": 2}, "hydra": hydra})
    jobs = [Job((f"seed={n}",), config, directory=tmp_path / str(n)) for n in range(5)]
    inner = JoblibLauncher()
    one = Starter(inner, None, None, config, tmp_path)  # type: ignore[arg-type]
    assert one.parallel(jobs) == 4
    one.start(jobs, 0, 4, SimpleNamespace(asked=False))  # type: ignore[arg-type]
    assert inner.at_once == [4]
