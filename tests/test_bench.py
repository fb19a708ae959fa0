"""What scripts/bench.py makes of its times, and the data it draws; the times themselves are not tested."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from bench import data, table
from bench.case import CASES, on
from bench.gate import Gate
from bench.machine import processor
from bench.rounds import interleave, ratio

from vaerun.config.hydra import compose
from vaerun.execution.caller import settings_kept


def test_every_round_asks_everyone_once_and_begins_with_another() -> None:
    asked: list[str] = []
    chunks = {name: lambda name=name: asked.append(name) for name in "abc"}
    taken = interleave(chunks, 3)
    assert asked == list("abcbcacab")
    assert {name: len(each) for name, each in taken.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_ratio_is_of_medians_and_its_range_is_of_rounds() -> None:
    found = ratio([2.0, 30.0, 4.0], [1.0, 10.0, 4.0])
    assert found == {"ratio": 1.0, "low": 1.0, "high": 3.0}


def test_the_processor_is_named_with_its_instruction_sets() -> None:
    lines = "model name\t: AMD EPYC\ncpu family\t: 25\nmodel\t\t: {}\nflags\t\t: fpu {}\n\nprocessor\t: 1\n"
    assert processor(lines.format(1, "avx2")) == "AMD EPYC (family 25, model 1), AVX2"
    assert processor(lines.format(17, "avx2 avx512f")) == "AMD EPYC (family 25, model 17), AVX2 + AVX-512"
    assert processor(lines.format(2, "mmx")).endswith("neither AVX2 nor AVX-512")
    assert processor("processor\t: 0\n") == ""


def test_a_machine_that_slows_down_leaves_the_ratio() -> None:
    drift = [1.0, 0.7, 0.4]
    found = ratio([3 * speed for speed in drift], drift)
    assert found == pytest.approx({"ratio": 3.0, "low": 3.0, "high": 3.0})


def test_the_table_says_why_a_row_is_empty() -> None:
    rows = [
        {"peer": "REF", "rate": 10.0, "ratio": 1.0, "low": 1.0, "high": 1.0},
        {"peer": "vaerun", "rate": 15.0, "ratio": 1.5, "low": 1.4, "high": 1.6},
        {"peer": "Pyro", "error": "not installed: pyro"},
    ]
    assert "| vaerun | 15 | 1.50 | 1.40 to 1.60 |" in table.markdown(rows, "samples")
    assert "| Pyro | not installed: pyro | | |" in table.markdown(rows, "samples")
    assert table.cross(rows).splitlines()[-1] == "| vaerun | 1.50 |"


def test_a_gate_reports_when_its_steps_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("3\n5\n"))
    gate = Gate(answers, 2, {"about": 1})
    for count in range(5):
        gate.step(loss=count)
    said = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert [report["loss"] for report in said] == [1, 4]
    assert gate.wanted == 5
    assert all(report["wall"] >= 0 and report["cpu"] >= 0 and report["about"] == 1 for report in said)


def test_the_data_are_bits_a_fifth_of_them_on(tmp_path: Path) -> None:
    here = data.write(tmp_path, 2000)
    train = np.load(here / "train.npy")
    assert train.shape == (2000, 784)
    assert set(np.unique(train)) == {0, 1}
    assert 0.15 < train.mean() < 0.3
    with np.load(here / "data.npz") as file:
        assert np.array_equal(file["train"], train)
    assert np.array_equal(*(data.draw(50, (28, 28), seed=0) for _ in range(2)))
    assert data.draw(5, (8, 4, 3), seed=0).shape == (5, 96)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_peers_of_a_case_have_names_of_their_own(device: str) -> None:
    for case in (on(case, device) for case in CASES.values()):
        assert len({peer.label for peer in case.peers}) == len(case.peers)
        assert case.device == device


def test_a_gpu_gets_further_rows_whose_words_vaerun_knows() -> None:
    case = on(CASES["b100"], "cuda")
    further = [peer for peer in case.peers if peer not in CASES["b100"].peers]
    assert case.steps > CASES["b100"].steps
    assert [peer.module for peer in further] == ["vaerun_train"] * 4
    known = compose([])[0].execution
    for peer in further:
        assert all(word.partition("=")[0].removeprefix("execution.") in known for word in peer.words)


def test_every_program_of_the_evaluations_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    import evaluation_benchmark

    few = {"SAMPLES": 400, "CHAINS": 2, "POINTS": 3, "MOVES": 2, "STEPS": 2, "TOGETHER": 2, "HIDDEN": (8, 8)}
    for name, number in few.items():
        monkeypatch.setattr(evaluation_benchmark, name, number)
    monkeypatch.setattr(sys, "argv", ["evaluation_benchmark.py", "--engines", "eager", "--rounds", "1"])
    with settings_kept():
        evaluation_benchmark.main()
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[3:]]
    assert len(rows) == 5 * 4
    assert {row[1] for row in rows} == {"vaerun, eager", "plain torch", "as torch comes", "products"}
