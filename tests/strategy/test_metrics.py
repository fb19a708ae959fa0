"""What a strategy reports of itself, it has declared, and the other way round."""

from collections.abc import Mapping

import pytest
import torch

from tests.problems import linear_strategy, simulated, variants
from vaerun.notation import Batch
from vaerun.strategy.metrics import GAIN_LEFT

CASES = [(option, nested) for option, nested in variants("strategy")]


@pytest.mark.slow
@pytest.mark.parametrize(("option", "nested"), CASES)
def test_diagnostics_are_those_that_are_declared(option: str, nested: Mapping[str, str], seeded: None) -> None:
    x = simulated(6)
    strategy = linear_strategy(option, x, nested=nested)
    estimate = strategy.step(Batch(torch.arange(6), x))
    inference = strategy.infer(x, torch.arange(6), "valid")
    of_validation = {GAIN_LEFT.name} if strategy.per_point else set()
    assert {*estimate.diagnostics, *inference.diagnostics} == set(strategy.declared()) - of_validation


def test_an_estimator_declares_what_it_reports(seeded: None) -> None:
    from tests.law.test_combinations import configuration, data, rows
    from vaerun.experiment.build import build_strategy

    row = next(row for row in rows()[0] if dict(row[0])["estimator"] == "concrete")
    strategy = build_strategy(configuration(row), data(), torch.device("cpu"))
    estimate = strategy.step(Batch(torch.arange(6), data().train.x[:6].float()))
    assert "relaxed_objective" in estimate.diagnostics
    assert estimate.diagnostics.keys() <= strategy.declared().keys()
