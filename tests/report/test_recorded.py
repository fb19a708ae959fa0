"""What run directories say, however they were left."""

import os

import pytest

from tests.report.fabricate import config, evaluation, run, summary
from vaerun.report.recorded import find


@pytest.fixture
def found(tmp_path):
    """The runs below tmp_path, and what was said of the rest."""

    def look(*roots):
        said = []
        return list(find(roots or [tmp_path], said.append)), said

    return look


def test_every_run_below_the_root_once(found, tmp_path):
    for name in ("a", "sweep/0_x", "sweep/1_y", "day/sweep/0_z"):
        run(tmp_path / name, config=config(), summary=summary())
    (tmp_path / "a" / "checkpoints").mkdir()
    (tmp_path / "day" / "link").symlink_to(tmp_path)  # round in a circle
    (tmp_path / "sweep" / "multirun.yaml").write_text("a: 1\n")
    runs, said = found()
    assert [str(one.directory.relative_to(tmp_path)) for one in runs] == [
        "a",
        "day/sweep/0_z",
        "sweep/0_x",
        "sweep/1_y",
    ]
    assert not said
    assert len(found(tmp_path, tmp_path / "sweep")[0]) == 4
    assert {one.status for one in runs} == {"completed"}


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        (None, "unreadable", "there is no summary.json"),
        ('{"status": "compl', "unreadable", "summary.json is damaged or half-written"),
        ("[]", "unreadable", "summary.json is damaged or half-written"),
        ("{}", "unreadable", "summary.json has the status None"),
        ('{"status": "running"}', "running or killed", "it has not come to an end"),
        ('{"status": "diverged", "reason": "elbo is\\n nan."}', "diverged", "elbo is nan."),
        ('{"status": "completed", "reason": null, "metrics": 3}', "completed", None),
        ('{"status": "completed", "metrics": {"elbo/test": null, "kl/test": "x", "a": true}}', "completed", None),
    ],
)
def test_what_summary_json_says(found, tmp_path, text, status, reason):
    directory = run(tmp_path / "a", config=config(), summary=None)
    if text is not None:
        (directory / "summary.json").write_text(text)
    (one,), said = found()
    assert (one.status, one.reason, dict(one.metrics)) == (status, reason, {})
    assert not said


def test_a_damaged_configuration_and_bytes_that_are_no_text(found, tmp_path):
    (run(tmp_path / "a", config=None, summary=summary()) / "config.yaml").write_text("a: [1\n")
    (run(tmp_path / "b", config=None, summary=summary()) / "config.yaml").write_bytes(b"\xff\xfe\x00")
    (run(tmp_path / "c", config=None, summary=None) / "config.yaml").write_text("a: [1\n")
    runs, _ = found()
    assert [one.status for one in runs] == ["unreadable"] * 3
    assert {one.reason for one in runs} == {"config.yaml is damaged or half-written"}


def test_a_refused_job_has_a_summary_alone(found, tmp_path):
    run(tmp_path / "3_joint_seed0", config=None, summary={"status": "failed", "reason": "no."})
    (one,), _ = found()
    assert (one.status, one.reason, one.seed) == ("failed", "no.", None)


def test_a_foreign_directory_is_said_and_left_out(found, tmp_path):
    run(tmp_path / "theirs", config={"name": "x"}, summary=None)
    run(tmp_path / "other", config=None, summary={"total": 3})
    runs, said = found()
    assert not runs
    assert [text.endswith("is not a run directory of vaerun: left out.") for text in said] == [True, True]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_may_not_be_read_is_said(found, tmp_path):
    (tmp_path / "secret").mkdir(mode=0)
    assert "cannot be read" in found()[1][0]


def test_evaluations_add_figures_and_replace_none(found, tmp_path):
    lines = [
        evaluation({"elbo/test": -1.0, "inference_gap/test": 5.0}),
        evaluation({"inference_gap/test": 4.0, "approximation_gap/test": 2.0}),
        evaluation({"inference_gap/test": 9.0, "iwae_5000/test": -26.0}, checkpoint="last", step=100),
    ]
    run(tmp_path / "a", config=config(), summary=summary(elbo=-27.0), evaluations=lines)
    (one,), said = found()
    assert not said
    assert one.metrics["elbo/test"] == -27.0
    # The newest of the best checkpoint, and the last one only where that has none.
    assert [one.metrics[f"{name}/test"] for name in ("inference_gap", "approximation_gap", "iwae_5000")] == [4, 2, -26]
    assert set(one.sources) == {"inference_gap/test", "approximation_gap/test", "iwae_5000/test"}


def test_evaluations_of_other_data_or_of_an_earlier_state_are_left_out(found, tmp_path):
    lines = [
        evaluation({"a/test": 1.0}, step=50),
        evaluation({"b/test": 1.0}, data={"sha256": "b" * 64}),
        evaluation({"c/test": 1.0}),
    ]
    directory = run(tmp_path / "a", config=config(), summary=summary(), evaluations=lines)
    with (directory / "evaluations.jsonl").open("a") as file:
        file.write('{"half": \n[]\n')
    (one,), said = found()
    assert list(one.sources) == ["c/test"]
    assert [text.partition(" of ")[0] for text in said] == ["line 1", "line 2", "line 4", "line 5"]
