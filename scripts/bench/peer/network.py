"""784-200-200-2D and D-200-200-784 in torch, and the bound as hand-written programs compute it."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from bench.case import HIDDEN, PIXELS, Case


class Network(nn.Module):
    """Encoder and decoder; what the decoder gives are logits."""

    def __init__(self, latents: int) -> None:
        super().__init__()
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
