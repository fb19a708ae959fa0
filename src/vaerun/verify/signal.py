"""How the signal-to-noise ratio of the importance-weighted bound's gradient goes with K."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.verify.claim import Claim, left_out, raised, within
from vaerun.verify.offer import Offer, spoken
from vaerun.verify.spread import gradients, linear

CONCERNS = ("estimator", "estimator/baseline")
SAMPLES = (4, 16, 64)

SLOPES: Mapping[str, float] = {"reparam": -0.5, "doubly_reparam": 0.5}
"""By method, the power of K with which the signal-to-noise ratio of ∇φ of the importance-weighted bound goes."""


def claims(offer: Offer, *, seed: int, device: torch.device, seconds: float) -> Iterator[Claim]:
    """The slopes of the methods asked for of which they are known."""
    for method in offer.variants("estimator"):
        try:
            yield from slopes(offer, spoken(method), method, device=device)
        except UserError as refusal:
            yield left_out(spoken(method), "iwae", refusal)
        except Exception as error:
            yield raised(spoken(method), "iwae", error)


def slopes(offer: Offer, name: str, method: Mapping[str, str], *, device: torch.device) -> Iterator[Claim]:
    """The ratios at K = 4, 16 and 64, nearly a line in log K. θ is μ of a linear-Gaussian model, whose ∇ is −∇x.

    Reference: Rainforth et al. 2018, Tighter variational bounds are not necessarily better; Tucker et al. 2019.
    """
    if name not in SLOPES:
        return
    ratios: list[list[float]] = []
    for k in SAMPLES:
        problem = linear(offer, method, "iwae", k, seed=0, device=device)  # K → ∞ is near on this problem
        if problem is None:
            return
        shifted = problem._replace(phi=problem.phi + problem.phi.new_tensor([[0.4, 0.3]]))
        ratios.append([signal_to_noise(values) for values in gradients(shifted, rows=40_000)])
    for letter, power, ratio in zip("φθ", (SLOPES[name], 0.5), zip(*ratios, strict=True), strict=True):
        x = torch.tensor(SAMPLES, dtype=torch.float64).log2()
        y = torch.tensor(ratio).log2()
        slope = float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())
        claimed = f"signal/noise of ∇{letter} ~ K^{power:+.1f}"
        told = f"K^{slope:+.2f}"
        yield within(name, "iwae, K=4, 16, 64", claimed, error=abs(slope - power), allowed=0.15, measured=told)


def signal_to_noise(values: Tensor) -> float:
    """‖E g‖ / √tr Cov g, what the noise adds to the first taken off: of Float[Tensor, "R P"]."""
    total = values.var(0).sum()
    signal = values.mean(0).square().sum() - total / len(values)
    return float((signal.clamp(min=0) / total).sqrt())
