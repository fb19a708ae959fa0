"""Adam over θ and λ."""

import pytest
import torch
from torch import nn

from tests.problems import node
from vaerun.build import make
from vaerun.errors import UserError

pytestmark = pytest.mark.usefixtures("exact")


def test_it_is_adam_at_the_settings_given() -> None:
    settings = {"learning_rate": 0.1, "beta1": 0.7, "beta2": 0.9, "weight_decay": 0.01}
    one, other = nn.Parameter(torch.tensor([1.0, -2.0])), nn.Parameter(torch.tensor([1.0, -2.0]))
    ours = make(node("optimizer/adam", **settings), {})([one])
    torchs = torch.optim.Adam([other], lr=0.1, betas=(0.7, 0.9), weight_decay=0.01)
    for _ in range(5):
        gradient = torch.randn(2)
        one.grad, other.grad = gradient.clone(), gradient.clone()
        ours.step()
        torchs.step()
    torch.testing.assert_close(one, other)
    assert not torch.equal(one.detach(), torch.tensor([1.0, -2.0]))


@pytest.mark.parametrize(
    ("key", "value"),
    [("learning_rate", 0.0), ("learning_rate", -1e-3), ("beta1", 1.0), ("beta2", -0.1), ("weight_decay", -1.0)],
)
def test_what_is_no_setting_is_refused(key: str, value: float) -> None:
    with pytest.raises(UserError, match=f"optimizer.{key}"):
        make(node("optimizer/adam", **{key: value}), {})([nn.Parameter(torch.zeros(1))])
