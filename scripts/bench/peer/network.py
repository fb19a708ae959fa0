"""784-200-200-2D and D-200-200-784, or convolutions, in torch, and the bound as hand-written programs compute it."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from bench.case import CHANNELS, DENSE, HIDDEN, KERNEL, PIXELS, Case


class Network(nn.Module):
    """Encoder and decoder; what the decoder gives are logits.

    Args:
        latents: D.
        image: (H, W) or (H, W, C) for convolutions; empty for affine maps.
    """

    def __init__(self, latents: int, image: tuple[int, ...] = ()) -> None:
        super().__init__()
        if image:
            self.encoder, self.decoder = convolutions(latents, *image)
            return
        first, second = HIDDEN
        self.encoder = nn.Sequential(
            *(nn.Linear(PIXELS, first), nn.Tanh(), nn.Linear(first, second), nn.Tanh(), nn.Linear(second, 2 * latents))
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(latents, second), nn.Tanh(), nn.Linear(second, first), nn.Tanh(), nn.Linear(first, PIXELS))
        )

    def minus_bound(self, x: Tensor, case: Case, *, logits: bool) -> Tensor:
        """−ELBO with the KL in closed form, or −IWAE, averaged over the batch.

        Args:
            x: Float[Tensor, "B 784"].
            case: says K and the objective.
            logits: cross-entropy of logits, as a careful program has it, and not of probabilities, as examples do.
        """
        mu, log_variance = self.encoder(x).chunk(2, 1)
        noise = torch.randn(case.samples, *mu.shape, device=mu.device)
        z = mu + (0.5 * log_variance).exp() * noise
        outputs = self.decoder(z)
        target = x.expand_as(outputs)
        if logits:
            minus = binary_cross_entropy_with_logits(outputs, target, reduction="none").sum(-1)
        else:
            minus = binary_cross_entropy(torch.sigmoid(outputs), target, reduction="none").sum(-1)
        if case.objective == "elbo":
            kl = -0.5 * (1 + log_variance - mu.pow(2) - log_variance.exp()).sum(1)
            return (minus.mean(0) + kl).mean()
        log_q = -0.5 * (noise.pow(2) + log_variance).sum(-1)
        log_prior = -0.5 * z.pow(2).sum(-1)
        return -((log_prior - minus - log_q).logsumexp(0) - math.log(case.samples)).mean()


def convolutions(latents: int, height: int, width: int, channels: int = 1) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of images whose sides are multiples of 4; rows of x have the channels last."""
    first, second = CHANNELS
    small = (second, height // 4, width // 4)
    how = {"stride": 2, "padding": KERNEL // 2}
    encoder = nn.Sequential(
        *(nn.Unflatten(1, (height, width, channels)), ChannelsFirst()),
        *(nn.Conv2d(channels, first, KERNEL, **how), nn.ReLU(), nn.Conv2d(first, second, KERNEL, **how), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(math.prod(small), DENSE), nn.ReLU(), nn.Linear(DENSE, 2 * latents)),
    )
    how["output_padding"] = 1
    decoder = nn.Sequential(
        *(nn.Linear(latents, DENSE), nn.ReLU(), nn.Linear(DENSE, math.prod(small)), nn.ReLU(), nn.Unflatten(1, small)),
        *(nn.ConvTranspose2d(second, first, KERNEL, **how), nn.ReLU()),
        *(nn.ConvTranspose2d(first, channels, KERNEL, **how), ChannelsLast(), nn.Flatten()),
    )
    return encoder, Each(decoder)


class ChannelsFirst(nn.Module):
    """Float[Tensor, "B H W C"] ↦ Float[Tensor, "B C H W"]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(-1, 1)


class ChannelsLast(nn.Module):
    """Float[Tensor, "B C H W"] ↦ Float[Tensor, "B H W C"]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1)


class Each(nn.Module):
    """Float[Tensor, "K B D"] ↦ Float[Tensor, "K B X"] by a network that takes one axis of points."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        return self.network(z.flatten(0, 1)).unflatten(0, z.shape[:2])
