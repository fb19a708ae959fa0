"""The inputs of scripts/fuzz.py, a few of each kind and always the same ones."""

from pathlib import Path

from fuzzing.kind import Kind, RefusedError
from fuzzing.watch import measured, signature
from hypothesis import HealthCheck, given, settings

HANG = 60
"""Seconds after which an input is said to hang."""


def check(kind: Kind, folder: Path, *, count: int) -> dict[str, int]:
    """Reads ``count`` inputs; returns how many were read and how many refused. Everything else fails the test."""
    ends = {"read": 0, "refused": 0}

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(kind.inputs(folder))
    def one(value: object) -> None:
        error, cost = measured(lambda: kind.read(value, folder), limit=HANG)
        if error is not None and not isinstance(error, RefusedError):
            raise AssertionError(signature(error))  # not the error, whose chain can be too deep for hypothesis
        assert cost.peak <= kind.megabytes * 2**20, f"{cost.peak / 1e6:.0f} MB"
        ends["refused" if error else "read"] += 1

    one()
    return ends
