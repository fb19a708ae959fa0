"""How the signal-to-noise ratio of the importance-weighted bound's gradient scales with K and M points."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.verify.claim import Claim, left_out, raised, within
from vaerun.verify.gradient_samples import gradients, linear
from vaerun.verify.offer import Offer, spoken

CONCERNS = ("estimator", "estimator/baseline")
SAMPLES = (4, 16, 64)
POINTS = (1, 4, 16)  # M, over which a gradient is averaged

SLOPES: Mapping[str, float] = {"reparam": -0.5, "doubly_reparam": 0.5}
"""By method: the known exponent a in SNR ∝ K^a, for ∇φ of the importance-weighted bound."""


def claims(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """Claims of the given methods whose exponents are known."""
    for method in offer.variants("estimator"):
        try:
            yield from slopes(offer, spoken(method), method, device=device)
        except UserError as refusal:
            yield left_out(spoken(method), "iwae", refusal)
        except Exception as error:
            yield raised(spoken(method), "iwae", error)


def slopes(offer: Offer, name: str, method: Mapping[str, str], *, device: torch.device) -> Iterator[Claim]:
    """Fits the exponents at K = 4, 16, 64 and M = 1, 4, 16; θ is μ here, with gradient −∇x.

    The estimates of M rows of a batch are averaged; a ratio that grows as √M shows that they are independent.

    Reference: Rainforth et al. 2018, Tighter variational bounds are not necessarily better; Tucker et al. 2019.
    """
    if name not in SLOPES:
        return
    ratios: list[list[float]] = []
    for k in SAMPLES:
        problem = linear(
            offer, method, "iwae", k, seed=0, device=device
        )  # on this problem these K are close to the limit K → ∞
        if problem is None:
            return
        shifted = problem._replace(phi=problem.phi + problem.phi.new_tensor([[0.4, 0.3]]))
        both = list(gradients(shifted, rows=40_000))
        ratios.append([signal_to_noise(values) for values in both])
        if k == SAMPLES[0]:
            averaged = [[signal_to_noise(values.unflatten(0, (-1, m)).mean(1)) for m in POINTS] for values in both]
    along_k = zip(*ratios, strict=True)
    for letter, power, ratio, mean in zip("φθ", (SLOPES[name], 0.5), along_k, averaged, strict=True):
        for what, where, at, wanted, values in (
            ("K", "iwae, K=4, 16, 64", SAMPLES, power, ratio),
            ("M", "iwae, K=4, M=1, 4, 16", POINTS, 0.5, mean),
        ):
            slope = slope_of(at, values)
            claimed = f"signal/noise of ∇{letter} ~ {what}^{wanted:+.1f}"
            told = f"{what}^{slope:+.2f}"
            yield within(name, where, claimed, error=abs(slope - wanted), allowed=0.15, measured=told)


def slope_of(at: Sequence[int], values: Sequence[float]) -> float:
    """The exponent a in values ∝ at^a, by least squares of the logarithms."""
    x, y = torch.tensor(at, dtype=torch.float64).log2(), torch.tensor(values, dtype=torch.float64).log2()
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def signal_to_noise(values: Tensor) -> float:
    """‖E g‖ / √tr Cov g of replicas Float[Tensor, "R P"]; the bias tr Cov g / R of ‖ḡ‖² is subtracted."""
    total = values.var(0).sum()
    signal = values.mean(0).square().sum() - total / len(values)
    return float((signal.clamp(min=0) / total).sqrt())
