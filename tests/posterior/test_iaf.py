"""T_f(y)_d = y_d exp(g_fd(y_1, …, y_{d−1}, c)) + m_fd(y_1, …, y_{d−1}, c)."""

import pytest
import torch
from torch.func import jacrev

from vaerun.posterior.iaf import IAF

pytestmark = pytest.mark.usefixtures("exact")


def test_a_layer_is_affine_in_its_own_coordinate_and_the_next_layer_has_the_order_reversed() -> None:
    family = IAF(latent_dim=3, transforms=2)
    with torch.no_grad():
        for weight in family.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    for f, layer in enumerate(family.layers.transform.transforms):
        transform = layer(torch.randn(family.context))
        slope = jacrev(transform)(torch.randn(3))
        upper, lower = torch.triu(slope, 1), torch.tril(slope, -1)
        assert not (lower if f else upper).any()
        assert (upper if f else lower).any()
        y = torch.zeros(3, 3)
        last = 0 if f else 2
        y[:, last] = torch.tensor([0.0, 1.0, 2.0])
        moved = transform(y)[:, last]
        torch.testing.assert_close(moved[2] - moved[1], moved[1] - moved[0])
