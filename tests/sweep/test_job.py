"""What distinguishes the jobs of a sweep: labels, names of directories, fingerprints."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vaerun.sweep.job import LONGEST, Job, distinguished, fingerprint


def jobs(*lines: str) -> list[Job]:
    """Jobs with these overrides."""
    return distinguished([Job(tuple(line.split()), OmegaConf.create({})) for line in lines])


def test_a_label_holds_what_differs_and_nothing_else() -> None:
    made = jobs("strategy=joint seed=0 a.b=1", "strategy=joint seed=1 a.b=1", "strategy=joint seed=1 a.b=2 +c=3")
    assert [job.label for job in made] == ["seed=0 a.b=1", "seed=1 a.b=1", "seed=1 a.b=2 +c=3"]
    assert [job.label for job in jobs("strategy=joint seed=0")] == ["strategy=joint seed=0"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("seed=0", "seed=1"), ["", ""]),  # the name shows the seed already
        (("optimizer.learning_rate=0.1", "optimizer.learning_rate=-1"), ["_learning_rate-0.1", "_learning_rate--1"]),
        (("a.n=1 b.n=2", "a.n=2 b.n=1"), ["_a.n-1_b.n-2", "_a.n-2_b.n-1"]),  # one last word for two keys
        (("estimator/baseline=nvil", "estimator/baseline=none"), ["_baseline-nvil", "_baseline-none"]),
        (("amortizer.hidden=[16,16]", "amortizer.hidden=[8]"), ["_hidden-16-16", "_hidden-8"]),
        (("data.path=/a/b.npz", "data.path=/a/c.npz"), ["_path-a-b.npz", "_path-a-c.npz"]),
    ],
)
def test_swept_keys_become_a_part_of_a_file_name(lines: tuple[str, ...], expected: list[str]) -> None:
    assert [job.swept for job in jobs(*lines)] == expected


def test_a_long_name_is_cut_and_stays_distinct() -> None:
    first, second = jobs(f"a.x={'1' * 300}2", f"a.x={'1' * 300}3")
    assert len(first.swept) <= LONGEST + 7
    assert first.swept != second.swept


def test_a_fingerprint_is_that_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"seed": 0, "trainer": {"epochs": 3}, "execution": {"device": "cpu"}, "data": {"path": None}}
    monkeypatch.chdir(tmp_path)
    same = {**config, "execution": {"device": "cuda"}, "choices": {"data": "digits"}, "resume": None}
    assert fingerprint(config) == fingerprint(same)
    assert fingerprint(config) != fingerprint({**config, "seed": 1})
    assert fingerprint(config) != fingerprint({**config, "data": {"path": "a.npz"}})
    here = {**config, "data": {"path": str(tmp_path / "a.npz")}}
    assert fingerprint({**config, "data": {"path": "a.npz"}}) == fingerprint(here)
