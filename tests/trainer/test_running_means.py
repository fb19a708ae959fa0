"""Means of what the steps reported."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from vaerun.notation import Estimate
from vaerun.trainer.running_means import RunningMeans

CPU = torch.device("cpu")


def estimates(steps: int) -> list[Estimate]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    return [
        Estimate(draw(7), draw(7), draw(7), draw(7), torch.zeros(()), {"inner_steps": draw(7), "gate": draw()})
        for _ in range(steps)
    ]


def test_means_are_over_steps_and_points() -> None:
    meter, taken = RunningMeans(), estimates(5)
    for estimate in taken:
        meter.add(estimate)
    means = meter.means()
    assert list(means) == ["objective", "log_likelihood", "kl", "inner_steps", "gate"]
    for name, field in (("objective", "value"), ("log_likelihood", "log_likelihood"), ("kl", "kl")):
        assert means[name] == pytest.approx(torch.stack([getattr(e, field) for e in taken]).double().mean().item())
    for name in ("inner_steps", "gate"):
        assert means[name] == pytest.approx(torch.stack([e.diagnostics[name] for e in taken]).double().mean().item())


def test_after_means_it_begins_anew() -> None:
    meter, (first, second) = RunningMeans(), estimates(2)
    meter.add(first)
    meter.means()
    meter.add(second)
    assert meter.steps == 1
    assert meter.means()["kl"] == pytest.approx(second.kl.mean().item())


def test_a_step_is_left_as_it_was() -> None:
    meter, (first, second) = RunningMeans(), estimates(2)
    before = first.value.clone()
    meter.add(first)
    meter.add(second)
    assert torch.equal(first.value, before)


def test_it_goes_on_to_the_bit_from_what_a_checkpoint_holds(tmp_path: Path) -> None:
    whole, parts, taken = RunningMeans(), RunningMeans(), estimates(9)
    for estimate in taken:
        whole.add(estimate)
    for estimate in taken[:4]:
        parts.add(estimate)
    torch.save(parts.state_dict(), tmp_path / "meter.pt")
    again = RunningMeans()
    again.load_state_dict(torch.load(tmp_path / "meter.pt", weights_only=True), CPU)
    for estimate in taken[4:]:
        again.add(estimate)
    assert again.means() == whole.means()
    assert parts.steps == 4


def test_it_holds_no_more_after_many_steps_than_after_one() -> None:
    meter, (first,) = RunningMeans(), estimates(1)
    meter.add(first)
    held = {name: total.data_ptr() for name, total in meter.sums.items()}
    for _ in range(100):
        meter.add(first)
    assert {name: total.data_ptr() for name, total in meter.sums.items()} == held


def test_nothing_is_asked_of_the_device_before_the_means() -> None:
    meter = RunningMeans()
    for estimate in estimates(3):  # a tensor on meta has no value to ask for
        on_meta = {name: values.to("meta") for name, values in estimate.diagnostics.items()}
        meter.add(Estimate(*(part.to("meta") for part in estimate[:5]), on_meta))
    with pytest.raises((RuntimeError, NotImplementedError)):
        meter.means()
