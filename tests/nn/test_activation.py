"""tanh, and what is differentiated of it."""

import torch
from torch.autograd import gradcheck, gradgradcheck

from vaerun.nn.activation import Tanh


def test_it_is_torchs_tanh_in_value_and_in_two_derivatives() -> None:
    x = torch.linspace(-20, 20, 2001)
    torch.testing.assert_close(Tanh()(x), torch.tanh(x), rtol=0, atol=2e-7)
    few = torch.tensor([-3.0, -0.4, 0.0, 1.1, 2.5], dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(Tanh()(few), torch.tanh(few), rtol=0, atol=1e-15)
    assert gradcheck(Tanh(), few)
    assert gradgradcheck(Tanh(), few)
