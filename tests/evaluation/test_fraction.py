"""The standard error of a fraction is that of Agresti and Coull, and covers the truth also at 0 and 1."""

import math

import pytest
import torch

from vaerun.evaluation.fraction import fraction_error
from vaerun.evaluation.label_accuracy import LABEL_ACCURACY
from vaerun.evaluation.results import Results


@pytest.mark.parametrize("hits", [0, 1, 37, 100])
def test_the_error_of_ones_and_zeros_is_the_formula_of_the_paper(hits: int) -> None:
    p = (hits + 2) / 104
    error = fraction_error((torch.arange(100) < hits).float())
    assert float(error) == pytest.approx(math.sqrt(p * (1 - p) / 104))


def test_values_between_have_less_noise_and_each_coordinate_its_own_error() -> None:
    values = torch.stack([torch.full((100,), 0.5), (torch.arange(100) < 50).float()], 1)
    error = fraction_error(values)
    assert float(error[0]) == pytest.approx(1 / 104)
    assert float(error[1]) == pytest.approx(0.5 / math.sqrt(104))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_metric_at_its_end_has_an_error(value: float) -> None:
    results = Results("test")
    results.add_fraction(LABEL_ACCURACY, torch.full((50,), value))
    assert results.metrics["label_accuracy/test"] == value
    assert results.metrics["label_accuracy_se/test"] == pytest.approx(math.sqrt(52 / 54 * 2 / 54 / 54))
