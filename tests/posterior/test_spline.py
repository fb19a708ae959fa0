"""T_f(y)_d is a monotonic rational-quadratic spline of y_d on [−5, 5] and the identity beyond."""

import pytest
import torch

from vaerun.posterior.spline import Spline

pytestmark = pytest.mark.usefixtures("exact")


def test_it_rises_and_leaves_the_tails_alone() -> None:
    family = Spline(latent_dim=1)
    with torch.no_grad():
        for weight in family.parameters():
            weight.add_(0.5 * torch.randn_like(weight))
    phi = torch.cat((torch.zeros(2), torch.randn(16))).unsqueeze(0)
    y = torch.linspace(-7, 7, 1401).reshape(-1, 1, 1)
    z, _ = family(phi).transport(y)
    assert (z.diff(dim=0) > 0).all()
    tails = y.abs() >= 5
    torch.testing.assert_close(z[tails], y[tails])
    assert (z - y).abs().max() > 0.1
