"""On which device, and with how many threads."""

import logging
import os
from pathlib import Path

import pytest
import torch

from vaerun.errors import UserError
from vaerun.execution import cores as machine
from vaerun.execution import parallel
from vaerun.execution.cores import cores
from vaerun.execution.device import choose_device, choose_threads, own_cores, set_deterministic
from vaerun.execution.execution import Execution
from vaerun.execution.parallel import World


@pytest.fixture(autouse=True)
def idle_machine_of_eight_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.5, 0.5, 0.5))
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "cpu.max")
    for name in (*machine.SHARES, "SUBMITIT_LOCAL_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("rows", "threads"), [(1, 1), (100, 1), (256, 1), (499, 1), (500, 2), (512, 2), (1000, 4), (5000, 8), (10**6, 8)]
)
def test_threads_grow_with_the_work_of_a_step_up_to_the_cores(rows: int, threads: int) -> None:
    assert choose_threads(None, rows) == threads


@pytest.mark.parametrize(
    ("name", "value", "share"),
    [
        ("OMP_NUM_THREADS", "3", 3),
        ("OMP_NUM_THREADS", "4,2", 4),
        ("OMP_NUM_THREADS", "64", 8),
        ("OMP_NUM_THREADS", "", 8),
        ("OMP_NUM_THREADS", "many", 8),
        ("OMP_NUM_THREADS", "0", 8),
        ("SLURM_CPUS_PER_TASK", "2", 2),
        ("SUBMITIT_LOCAL_JOB_ID", "41", 1),
    ],
)
def test_a_job_keeps_to_its_share(name: str, value: str, share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert cores() == share
    assert choose_threads(None, 10**6) == share


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("1600000 100000", 8),
        ("", 8),
    ],
)
def test_a_container_keeps_to_its_quota(text: str, share: int) -> None:
    machine.QUOTA.write_text(text)
    assert cores() == share


def test_a_number_that_is_given_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert choose_threads(5, 10) == 5
    with pytest.raises(UserError, match=r"execution\.threads must be at least 1, got 0"):
        Execution(threads=0)


def test_load_changes_nothing_but_is_spoken_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="vaerun"):
        idle = choose_threads(None, 1000)
        assert not caplog.records
        monkeypatch.setattr(os, "getloadavg", lambda: (11.0, 0.0, 0.0))
        assert choose_threads(None, 100) == 1
        assert not caplog.records
        assert choose_threads(None, 1000) == idle == 4
    assert [record.getMessage() for record in caplog.records] == [
        "the machine is busy (load 11.0): execution.threads=1 may be much faster than 4"
    ]


def test_an_unknown_device_is_refused_with_the_near_one() -> None:
    with pytest.raises(UserError, match=r"execution\.device must be auto, cpu or cuda, got cdua\. Did you mean 'cuda'"):
        choose_device("cdua")
    assert choose_device("cpu") == torch.device("cpu")


def test_determinism_is_switched_on_and_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as it would leave it
    for wanted in (False, True, True, False):
        set_deterministic(wanted)
        assert torch.are_deterministic_algorithms_enabled() == wanted


def test_processes_on_one_machine_share_its_cores() -> None:
    with parallel.one_of(World(1, 4, 1, 2)):  # four processes, two of them here
        assert own_cores() == 4
    with parallel.one_of(World(0, 16, 0, 16)):
        assert own_cores() == 1


def test_each_process_has_a_cuda_device_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda") == torch.device("cuda")
    with parallel.one_of(World(5, 8, 1, 2)):
        assert choose_device("auto") == choose_device("cuda") == torch.device("cuda:1")
        assert choose_device("cpu") == torch.device("cpu")
        with pytest.raises(UserError, match=r"must be cuda with 8 processes, .* got cuda:0: use execution.device=cuda"):
            choose_device("cuda:0")
    with (
        parallel.one_of(World(0, 3, 0, 3)),
        pytest.raises(UserError, match=r"at most the number of CUDA devices, 2, got 3: use execution.devices=2"),
    ):
        choose_device("cuda")
