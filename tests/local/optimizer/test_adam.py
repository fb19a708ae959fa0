"""Adam over rows, against torch's Adam on each row alone."""

import pytest
import torch
from torch import Tensor, nn

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.local.optimizer.adam import LocalAdam
from vaerun.local.phi_table import PhiTable

pytestmark = pytest.mark.usefixtures("exact")

SETTINGS = {"learning_rate": 0.03, "beta1": 0.8, "beta2": 0.99}


def torchs_path(gradients: list[Tensor], settings: dict[str, float]) -> Tensor:
    """Where torch's Adam takes one row from 0, uphill along ``gradients``."""
    row = nn.Parameter(torch.zeros_like(gradients[0]))
    adam = torch.optim.Adam([row], lr=settings["learning_rate"], betas=(settings["beta1"], settings["beta2"]))
    for gradient in gradients:
        row.grad = -gradient
        adam.step()
    return row.detach()


@pytest.mark.parametrize("settings", [SETTINGS, {"learning_rate": 0.05, "beta1": 0.9, "beta2": 0.999}])
def test_one_row_moves_as_under_torchs_adam(settings: dict[str, float]) -> None:
    adam: LocalAdam = make(node("local/optimizer/adam", **settings), {})
    phi = torch.zeros(1, 4)
    state, gradients = adam.init(phi), list(torch.randn(12, 4))
    for gradient in gradients:
        step, state = adam.update(gradient.unsqueeze(0), state, torch.ones(1, 4))
        phi = phi + step
    torch.testing.assert_close(phi[0], torchs_path(gradients, settings), rtol=1e-12, atol=1e-14)


def test_a_row_that_is_visited_seldom_has_its_own_step_count() -> None:
    adam: LocalAdam = make(node("local/optimizer/adam", **SETTINGS), {})
    table = PhiTable(num_points=3, initial=torch.zeros(4), optimizer=adam)
    seen: dict[int, list[Tensor]] = {0: [], 1: [], 2: []}
    for rows in ([0], [0, 2], [0], [0], [2, 0], [1, 0], [0], [0, 1]):
        index, gradient = torch.tensor(rows), torch.randn(len(rows), 4)
        phi, state = table.read(index)
        step, state = adam.update(gradient, state, torch.ones_like(gradient))
        table.write(index, phi + step, state)
        for row, g in zip(rows, gradient, strict=True):
            seen[row].append(g)
    assert table.state.count.flatten().tolist() == [8, 2, 2]
    for row, gradients in seen.items():
        torch.testing.assert_close(table.phi[row], torchs_path(gradients, SETTINGS), rtol=1e-12, atol=1e-14)


def test_in_float32_the_first_step_is_the_learning_rate() -> None:
    torch.set_default_dtype(torch.float32)
    adam: LocalAdam = make(node("local/optimizer/adam", learning_rate=0.05), {})
    phi = torch.zeros(3, 2)
    step, state = adam.update(torch.tensor([[1.0, -2.0]]).expand(3, 2), adam.init(phi), torch.ones(3, 2))
    assert step.dtype == state.m.dtype == torch.float32
    torch.testing.assert_close(step, 0.05 * torch.tensor([1.0, -1.0]).expand(3, 2), rtol=1e-6, atol=0)


@pytest.mark.parametrize("rate", [0.0, -0.1])
def test_a_learning_rate_that_moves_nothing_uphill_is_refused(rate: float) -> None:
    with pytest.raises(UserError, match="learning_rate"):
        make(node("local/optimizer/adam", learning_rate=rate), {})


@pytest.mark.parametrize("name", ["beta1", "beta2"])
@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_what_is_no_decay_is_refused(name: str, decay: float) -> None:
    with pytest.raises(UserError, match=name):
        make(node("local/optimizer/adam", **{name: decay}), {})
