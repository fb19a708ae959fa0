"""The record at a cost: found by bisection, the same as by reading every line; never interpolated, never made up."""

import json
import math

import pytest

from tests.report.fabricate import records
from vaerun.errors import UserError
from vaerun.report.matched import COSTS, At, parse, read_at


@pytest.fixture
def file(tmp_path):
    def write(lines):
        path = tmp_path / "metrics.jsonl"
        path.write_text(lines if isinstance(lines, str) else "".join(json.dumps(line) + "\n" for line in lines))
        return path

    return write


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("count", [1, 2, 3, 8, 31])
def test_it_is_the_last_validation_not_beyond_the_cost(file, cost, count):
    lines = records([-10.0 + place for place in range(count)])
    path, key = file(lines), COSTS[cost]
    for line in lines:
        for amount in (line[key], line[key] * 0.999):
            within = [one for one in lines if one[key] <= amount and "elbo/valid" in one]
            reading = read_at(path, At(cost, amount))
            assert reading.record == (within[-1] if within else None)
            assert (reading.reason is None) == bool(within)


def test_a_run_that_ended_before_is_not_read(file):
    path = file(records([-3.0, -2.0]))
    assert read_at(path, At("steps", 20)).record["elbo/valid"] == -2.0
    assert read_at(path, At("steps", 21)) == (None, "it has reached only 20 steps")
    assert read_at(path, At("seconds", 60)).reason == "it has reached only 2 seconds"


def test_several_records_of_one_step_the_validation_before_the_test(file):
    lines = [*records([-3.0, -2.0]), {"step": 20, "train_seconds": 2.0, "elbo/test": -9.0, "pseudo": 1}]
    assert read_at(file(lines), At("steps", 20)).record["elbo/valid"] == -2.0


def test_a_pseudo_bound_is_read_and_a_value_that_is_not_finite_hides_nothing(file):
    assert read_at(file([{"step": 5, "pseudo_elbo/valid": -1.0}]), At("steps", 5)).record == {
        "step": 5,
        "pseudo_elbo/valid": -1.0,
    }
    assert read_at(file(records([-3.0, None, -2.0])), At("steps", 20)).record["elbo/valid"] is None
    assert read_at(file([{"step": 5, "elbo_se/valid": 1.0}]), At("steps", 5)).reason.startswith("it had recorded no")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty or damaged"),
        ('{"step": 1', "no record yet"),
        ("nonsense\n", "damaged"),
        ("[1]\n", "damaged"),
        ('{"step": null}\n', "damaged"),
        ('{"epoch": 3}\n', "damaged"),
        ('{"step": 1, "elbo/valid": -1}\nxx\n{"step": 3}\n', "damaged"),
    ],
)
def test_a_damaged_file_is_a_reason(file, text, reason):
    assert reason in read_at(file(text), At("steps", 1)).reason


def test_a_half_written_last_line_is_left_out(file):
    text = "".join(json.dumps(line) + "\n" for line in records([-3.0])) + '{"step": 15, "elbo/va'
    assert read_at(file(text), At("steps", 10)).record["elbo/valid"] == -3.0
    assert read_at(file(text), At("steps", 15)).reason == "it has reached only 10 steps"


def test_no_file(tmp_path):
    assert read_at(tmp_path / "metrics.jsonl", At("steps", 1)).reason == "it has no metrics.jsonl"
    assert "cannot be read" in read_at(tmp_path, At("steps", 1)).reason


def test_the_words_of_the_command_line():
    assert parse("decoder_evaluations=1e6") == At("decoder_evaluations", 1e6)
    assert parse("steps=1_000").words == "1,000 steps"
    assert parse("seconds=0.5").words == "0.5 seconds"
    assert At("steps", 1).words == "1 step"
    for text in ("steps", "stps=3", "steps=", "steps=x", "steps=0", "steps=-1", f"steps={math.inf}", "steps=nan"):
        with pytest.raises(UserError):
            parse(text)
    with pytest.raises(UserError, match="Did you mean 'steps'"):
        parse("stps=3")
