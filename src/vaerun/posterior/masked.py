"""y_d = f(z_1, …, z_{d−1}, c): networks whose d-th output does not depend on z_d, …, z_D."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call


class MaskedNetwork(nn.Module):
    """y_d = W_d tanh(A z + C c + b), with A and W masked so that y_d is a function of z_1, …, z_{d−1} and c.

    Hidden unit h has a degree m_h in {0, …, D − 1}; its inputs are the first m_h coordinates of z, and y_d uses the
    units with m_h < d. W starts near zero, and so does y; tanh bounds y for every z.

    Args:
        latent_dim: D.
        context_dim: length of c.
        outputs: numbers in each y_d.
        hidden: hidden units, 1 or more.

    Reference: Germain et al. 2015, MADE: masked autoencoder for distribution estimation, §4.
    """

    see_z: Tensor
    see_hidden: Tensor

    def __init__(self, *, latent_dim: int, context_dim: int, outputs: int, hidden: int) -> None:
        super().__init__()
        degree, place = torch.arange(hidden) * latent_dim // hidden, torch.arange(latent_dim)
        # Not saved: they follow from the sizes.
        self.register_buffer("see_z", (place < degree.unsqueeze(1)).float(), persistent=False)
        self.register_buffer("see_hidden", (degree <= place.unsqueeze(1)).float().unsqueeze(1), persistent=False)
        self.from_context = nn.Linear(context_dim, hidden)
        self.from_z = nn.Parameter(torch.randn(hidden, latent_dim) * max(latent_dim, 1) ** -0.5)
        self.to_outputs = nn.Parameter(0.01 * torch.randn(latent_dim, outputs, hidden) * hidden**-0.5)

    def forward(self, z: Tensor, context: Tensor) -> Tensor:
        """Float[Tensor, "K B D"], Float[Tensor, "B C"] ↦ Float[Tensor, "K B D O"]."""
        seen = self.see_z.to(z.dtype) * self.from_z
        units = torch.tanh(z @ seen.T + self.from_context(context))
        return torch.einsum("kbh,doh->kbdo", units, self.see_hidden.to(z.dtype) * self.to_outputs)


def constant(module: nn.Module) -> Callable[..., Any]:
    """The function of ``module`` with its weights as constants."""
    weights = {name: weight.detach() for name, weight in module.named_parameters()}
    return lambda *args: functional_call(module, weights, args)
