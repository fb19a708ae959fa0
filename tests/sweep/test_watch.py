"""How long a sweep waits for a job whose machine is gone."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vaerun.sweep import marker, watch
from vaerun.sweep.display import Display
from vaerun.sweep.job import Job
from vaerun.sweep.progress import WAITING, State
from vaerun.sweep.watch import Watch

ABOUT = {"pid": 1, "host": "another", "started": 0.0}


class Clock:
    """A clock at 150 s, on which every sleep takes 100 s; a job that lives beats after each, and ends after 1000 s."""

    def __init__(self, place: Path, *, alive: bool) -> None:
        self.place, self.alive, self.now = place, alive, 150.0
        self.look: Callable[[], None] = lambda: None  # in place of the thread that looks at the jobs

    def monotonic(self) -> float:
        """The seconds so far."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """The next beat."""
        self.now += 100
        if self.alive and self.now >= 1000:
            self.place.write_text(json.dumps({**ABOUT, "ended": 1000.0, "code": 0, "reason": ""}))
        elif self.alive:
            os.utime(self.place, (self.now, self.now))
        self.look()


@pytest.mark.parametrize(("alive", "seconds"), [(True, 1050), (False, 450)])
def test_a_job_on_another_machine_is_waited_for_as_long_as_it_touches_its_marker(
    alive: bool, seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job((), OmegaConf.create({}), label="seed=1", directory=tmp_path / "run")
    place = marker.marker(job.directory)
    place.parent.mkdir()
    place.write_text(json.dumps(ABOUT))
    clock = Clock(place, alive=alive)
    monkeypatch.setattr(watch, "time", clock)
    watched = Watch([job], [State(WAITING)], Display([job], None), marker.stop_file(tmp_path))
    clock.look = watched.look
    watched.wait([job])
    assert clock.now == seconds
    assert watched.state(job).status == ("completed" if alive else "waiting")
    assert ("[seed=1] its machine has given no sign of life" in capsys.readouterr().err) != alive


def test_a_job_touches_its_marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marker, "BEAT", 0.0)
    monkeypatch.setattr(marker, "INTERVAL", 0.01)
    run = tmp_path / "run"
    marker.marker(run).parent.mkdir()
    with marker.marked(run):
        os.utime(marker.marker(run), (0, 0))
        for _ in range(6000):
            if marker.beat(run) > 0:
                return
            time.sleep(0.01)
        raise AssertionError("no beat within a minute")
