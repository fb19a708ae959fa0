"""Gradient ascent with momentum over rows, against torch's on each row alone."""

import pytest
import torch
from torch import nn

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.local.optimizer.sgd import LocalSGD, clipped

pytestmark = pytest.mark.usefixtures("exact")


def test_one_row_moves_as_under_torchs_sgd_with_clipped_gradients() -> None:
    sgd: LocalSGD = make(node("local/optimizer/sgd", learning_rate=0.03, momentum=0.8, max_norm=2.0), {})
    row = nn.Parameter(torch.zeros(4))
    torchs = torch.optim.SGD([row], lr=0.03, momentum=0.8)
    phi = torch.zeros(1, 4)
    state = sgd.init(phi)
    for size in (0.1, 1.0, 10.0) * 4:
        gradient = size * torch.randn(4)
        row.grad = -gradient
        nn.utils.clip_grad_norm_([row], 2.0)
        torchs.step()
        step, state = sgd.update(gradient.unsqueeze(0), state, torch.ones_like(gradient).unsqueeze(0))
        phi = phi + step
    torch.testing.assert_close(phi[0], row.detach(), rtol=1e-5, atol=1e-7)  # torch divides by norm + 1e-6


def test_each_row_is_shortened_by_itself() -> None:
    rows = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    torch.testing.assert_close(clipped(rows, 1.0), torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))


@pytest.mark.parametrize("key", [{"learning_rate": 0.0}, {"momentum": 1.0}, {"max_norm": 0.0}])
def test_what_cannot_be_is_refused(key: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(key))):
        make(node("local/optimizer/sgd", **key), {})
