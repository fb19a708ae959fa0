"""How near does evaluation=marginal come to the machine's matrix-multiply rate? Prints seconds, rows a second, a ratio.

    python scripts/evaluation_benchmark.py --points 1000 --samples 5000 --threads 1

L_K of a 784-200-200-50 model with Bernoulli pixels is computed for random points, and in turn with it, 32 points at a
time, the decoder's bare matrix products (no bias, no activation, no likelihood, no sampling) for as many rows in chunks
of the same size. Both are timed by the processor time of this process, so that other work on the machine slows both
alike. The ratio is that of the bare products' time to the evaluation's.
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.estimator.reparam import Reparam
from vaerun.evaluation.marginal import TOGETHER, weigh
from vaerun.execution.matmul import choose_matmul_backend
from vaerun.execution.memory import keep_freed_memory, rows_at_once
from vaerun.model.decoder.mlp import MLPDecoder
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood
from vaerun.model.prior.standard_normal import StandardNormal
from vaerun.model.vae import VAE
from vaerun.objective.elbo import ELBO
from vaerun.posterior.gaussian import Gaussian
from vaerun.schedule.constant import Constant

PIXELS, HIDDEN, LATENTS = 784, (200, 200), 50


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=5000, help="K")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--products", choices=("auto", "mkl", "onednn"), default="auto", help="as execution.matmul_backend"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    library = choose_matmul_backend(options.products)
    torch.manual_seed(0)
    bound, weights = problem(), [torch.randn(pair) for pair in layers()]
    x = (torch.rand(options.points, PIXELS) < 0.2).float()
    phi = 0.1 * torch.randn(options.points, bound.family.num_parameters)
    spent = {"evaluation": 0.0, "products": 0.0}
    keep_freed_memory()
    with torch.no_grad():
        weigh(bound, x[:TOGETHER], phi[:TOGETHER], 100)
        for some, its_phi in zip(x.split(TOGETHER), phi.split(TOGETHER), strict=True):
            spent["evaluation"] += seconds(lambda x=some, p=its_phi: weigh(bound, x, p, options.samples).pareto_k())
            rows, chunk = len(some) * options.samples, rows_at_once(some) // len(some) * len(some)
            spent["products"] += seconds(lambda rows=rows, chunk=chunk: products(weights, rows, chunk))
    decoded = options.points * options.samples
    for name, taken in spent.items():
        print(f"{name:10} {taken:8.2f} s   {decoded / taken:12,.0f} rows/s   {1e6 * taken / decoded:.2f} µs/row")
    flops = 2 * sum(a * b for a, b in layers()) * decoded
    print(f"products by {library} at {flops / spent['products'] / 1e9:.1f} GFLOP/s, {options.threads} threads")
    print(f"ratio {spent['products'] / spent['evaluation']:.3f}")


def layers() -> list[tuple[int, int]]:
    """The shapes of the decoder's matrices."""
    return list(pairwise((LATENTS, *HIDDEN, PIXELS)))


def problem() -> Bound:
    """The model, its weights as they start."""
    model = VAE(
        latent_dim=LATENTS,
        prior=StandardNormal(latent_dim=LATENTS),
        likelihood=BernoulliLikelihood(data_dim=PIXELS, data_std=1.0),
        decoder=lambda **sizes: MLPDecoder(hidden=HIDDEN, **sizes),
        data_mean=torch.full((PIXELS,), 0.2),
    )
    objective = ELBO(num_samples=1, kl_weight=Constant(constant=1.0))
    return Bound(model=model, family=Gaussian(latent_dim=LATENTS), objective=objective, estimator=Reparam())


def products(weights: list[Tensor], rows: int, chunk: int) -> None:
    """The decoder's matrix products for so many rows."""
    z = torch.randn(chunk, LATENTS)
    for _ in range(rows // chunk):
        h = z
        for weight in weights:
            h = h @ weight


def seconds(work: Callable[[], object]) -> float:
    """Processor time of this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
