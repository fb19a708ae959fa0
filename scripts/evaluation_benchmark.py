"""How fast are evaluations, beside a plain torch program of the same arithmetic and the machine's matrix products?

    python scripts/evaluation_benchmark.py                          # every part, plain and compiled, some minutes
    python scripts/evaluation_benchmark.py --parts samples --products onednn
    python scripts/evaluation_benchmark.py --engines eager --rounds 5

A 784-200-200-50 model with Bernoulli pixels is evaluated at random points. The parts are:

    samples          L_K: rewards of 32 points, in chunks
    annealing        leapfrog moves of 16 chains of 41 points, five steps each
    search           steps of φ of 83 points with 8 samples each, as the search for φ* of evaluation=gap takes them
    search, few      the same of 1 and of 200 points with 2 samples: validation and test of per-point strategies

*plain torch* is a script that does the same with autograd, ``binary_cross_entropy_with_logits`` and no vaerun, and with
the library of products that vaerun uses here. *as torch comes* is the same script with torch's own choice of library.
*products* are the decoder's bare matrix products, without biases, activations, likelihood and sampling: one forward for
a sample, one forward and one backward for a gradient in z.

All programs of a part are timed in turn, in rounds, by the processor time of this process, so that other work on the
machine slows all alike. The ratios are medians of the rounds' own. A part's figure is µs a row: a row is one z that is
decoded, or one gradient at a z.
"""

import argparse
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import torch
from bench.machine import machine
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.estimator.reparam import Reparam
from vaerun.evaluation.ais import transition_of
from vaerun.evaluation.annealing import forward, sigmoidal
from vaerun.evaluation.chunks import TOGETHER
from vaerun.evaluation.marginal import weigh
from vaerun.execution.engine.base import Engine
from vaerun.execution.engine.compiled import Compiled
from vaerun.execution.engine.eager import Eager
from vaerun.execution.matmul import choose_matmul_backend
from vaerun.execution.memory import keep_freed_memory, rows_at_once
from vaerun.local.optimizer.natural import LocalNatural
from vaerun.local.solver import LocalSolver
from vaerun.model.decoder.mlp import MLPDecoder
from vaerun.model.likelihood.bernoulli import BernoulliLikelihood
from vaerun.model.prior.standard_normal import StandardNormal
from vaerun.model.vae import VAE
from vaerun.objective.elbo import ELBO
from vaerun.posterior.gaussian import Gaussian
from vaerun.schedule.constant import Constant

PIXELS, HIDDEN, LATENTS = 784, (200, 200), 50
SAMPLES, CHAINS, POINTS, MOVES, LEAPFROG, STEPS = 200, 16, 41, 4, 5, 20
ENGINES: Mapping[str, Callable[[], Engine]] = {"eager": Eager, "compiled": Compiled}
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


BASE = "as torch comes"


class Part(NamedTuple):
    """Programs of the same arithmetic, and how many rows each decodes."""

    rows: int
    programs: Mapping[str, Callable[[], object]]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=("samples", "annealing", "search"), default=None)
    parser.add_argument("--engines", nargs="+", choices=tuple(ENGINES), default=tuple(ENGINES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--products", choices=("auto", "mkl", "onednn"), default="auto", help="the library")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    library = choose_matmul_backend(options.products)
    keep_freed_memory()
    print(f"{machine()}; torch {torch.__version__}, products by {library}, {options.threads} threads")
    bounds = {name: problem(ENGINES[name]()) for name in options.engines}
    parts: dict[str, Callable[[], Part]] = {
        "samples": partial(samples, bounds),
        "annealing": partial(annealing, bounds),
        "search": partial(search, bounds, 83, 8),
        "search, 200 points": partial(search, bounds, 200, 2),
        "search, 1 point": partial(search, bounds, 1, 2),
    }
    print(
        "| part | program | µs a row | range over rounds | rate, as torch comes = 1 | rate, plain torch = 1 | "
        "rate, products = 1 |"
    )
    print("|---|---|---|---|---|---|---|")
    with torch.no_grad():
        for name, make in parts.items():
            if options.parts is None or name.partition(",")[0] in options.parts:
                measure(name, with_torchs_own_library(make(), library), options.rounds)


def with_torchs_own_library(part: Part, library: str) -> Part:
    """The part with one program more: the plain one, with the library that torch takes if nobody asks for another."""
    plain = part.programs["plain torch"]

    def as_it_comes() -> object:
        choose_matmul_backend("mkl")
        try:
            return plain()
        finally:
            choose_matmul_backend(library)

    return part._replace(programs={**part.programs, BASE: as_it_comes})


def measure(name: str, part: Part, rounds: int) -> None:
    """Times the programs of a part in turn, and prints a line of each."""
    for program in part.programs.values():
        program()
    spent: dict[str, list[float]] = {label: [] for label in part.programs}
    for _ in range(rounds):
        for label, program in part.programs.items():
            began = time.process_time()
            program()
            spent[label].append(1e6 * (time.process_time() - began) / part.rows)
    for label, times in spent.items():
        ratios = [
            median(one / own for one, own in zip(spent[to], times, strict=True))
            for to in (BASE, "plain torch", "products")
        ]
        print(
            f"| {name} | {label} | {median(times):.2f} | {min(times):.2f} to {max(times):.2f} | "
            f"{' | '.join(f'{ratio:.2f}' for ratio in ratios)} |",
            flush=True,
        )


def problem(engine: Engine) -> Bound:
    """The model, its weights as they start, and q."""
    torch.manual_seed(0)
    model = VAE(
        latent_dim=LATENTS,
        prior=StandardNormal(latent_dim=LATENTS),
        likelihood=BernoulliLikelihood(data_dim=PIXELS, data_std=1.0),
        decoder=lambda **sizes: MLPDecoder(hidden=HIDDEN, **sizes),
        data_mean=torch.full((PIXELS,), 0.2),
    )
    objective = ELBO(num_samples=1, kl_weight=Constant(constant=1.0))
    family = Gaussian(latent_dim=LATENTS)
    return Bound(model=model, family=family, objective=objective, estimator=Reparam(), engine=engine).eval()


def points(number: int) -> tuple[Tensor, Tensor]:
    """x and φ."""
    return (torch.rand(number, PIXELS) < 0.2).float(), 0.1 * torch.randn(number, 2 * LATENTS)


def samples(bounds: Mapping[str, Bound]) -> Part:
    """L_K of 32 points."""
    x, phi = points(TOGETHER)
    chunk = rows_at_once(x) // TOGETHER

    def plain() -> Tensor:
        decoder, log_weights = plain_decoder(), []
        mu, sigma = phi[:, :LATENTS], (7 * torch.tanh(phi[:, LATENTS:] / 7)).exp()
        for _ in range(SAMPLES // chunk):
            noise = torch.randn(chunk, TOGETHER, LATENTS)
            z = mu + sigma * noise
            log_q = (-0.5 * noise.square() - sigma.log() - HALF_LOG_2PI).sum(-1)
            log_weights.append(plain_log_joint(decoder, x, z) - log_q)
        return torch.cat(log_weights).double().logsumexp(0)

    ours = {
        f"vaerun, {name}": partial(_weigh, bound, x, phi, SAMPLES // chunk * chunk) for name, bound in bounds.items()
    }
    rows = SAMPLES // chunk * chunk * TOGETHER
    return Part(rows, {**ours, "plain torch": plain, "products": partial(products, rows, chunk * TOGETHER)})


def _weigh(bound: Bound, x: Tensor, phi: Tensor, number: int) -> object:
    weights = weigh(bound, x, phi, number, points=10**6)
    return weights.log_mean(), weights.effective_sample_size(), weights.pareto_k()


def annealing(bounds: Mapping[str, Bound]) -> Part:
    """Chains of Hamiltonian moves."""
    x, _ = points(POINTS)
    betas, sizes = sigmoidal(MOVES + 1, 4.0), torch.full((MOVES, POINTS), 0.1)
    z = torch.randn(CHAINS, POINTS, LATENTS)
    rows = MOVES * LEAPFROG * CHAINS * POINTS

    def plain() -> Tensor:
        decoder, here = plain_decoder(), z
        log_weight = torch.zeros(CHAINS, POINTS, dtype=torch.float64)

        def gradient(z: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
            with torch.enable_grad():
                leaf = z.detach().requires_grad_()
                likelihood = plain_log_likelihood(decoder, x, leaf)
                density = beta * likelihood + plain_log_prior(leaf)
                (slope,) = torch.autograd.grad(density.sum(), leaf)
            return slope, density.detach(), likelihood.detach()

        for t in range(1, MOVES + 1):
            beta, size = betas[t], sizes[t - 1].unsqueeze(-1) * (0.5 + torch.rand(CHAINS, POINTS, 1))
            slope, density, likelihood = gradient(here, beta)
            log_weight += (betas[t] - betas[t - 1]) * likelihood.double()
            v = torch.randn_like(here)
            energy, there, v = density - 0.5 * v.square().sum(-1), here, v + 0.5 * size * slope
            for step in range(LEAPFROG):
                there = there + size * v
                slope, density, _ = gradient(there, beta)
                v = v + (size if step < LEAPFROG - 1 else 0.5 * size) * slope
            accept = torch.rand(CHAINS, POINTS) < (density - 0.5 * v.square().sum(-1) - energy).clamp(max=0).exp()
            here = torch.where(accept.unsqueeze(-1), there, here)
        return log_weight

    ours = {
        f"vaerun, {name}": partial(forward, transition_of(bound, LEAPFROG, moves=10**6), x, z, betas, sizes)
        for name, bound in bounds.items()
    }
    chunk = CHAINS * POINTS
    return Part(rows, {**ours, "plain torch": plain, "products": partial(products, rows, chunk, backward=True)})


def search(bounds: Mapping[str, Bound], number: int, k: int) -> Part:
    """Natural-gradient steps of φ at fixed θ."""
    x, phi = points(number)
    optimizer = LocalNatural()

    def plain() -> Tensor:
        decoder, here, state = plain_decoder(), phi, optimizer.init(phi)
        for _ in range(STEPS):
            with torch.enable_grad():
                leaf = here.detach().requires_grad_()
                mu, log_sigma = leaf[:, :LATENTS], 7 * torch.tanh(leaf[:, LATENTS:] / 7)
                z = mu + log_sigma.exp() * torch.randn(k, number, LATENTS)
                standard = (z - mu.detach()) / log_sigma.detach().exp()
                log_q = (-0.5 * standard.square() - log_sigma.detach() - HALF_LOG_2PI).sum(-1)
                loss = (plain_log_joint(decoder, x, z) - log_q).mean(0).sum()
                (gradient,) = torch.autograd.grad(loss, leaf)
            width = log_sigma.detach().exp()
            scale = torch.cat((width, torch.full_like(width, 0.5**0.5)), 1)
            step, state = optimizer.update(gradient, state, scale)
            here = here + step
        return here

    ours = {}
    for name, bound in bounds.items():
        solver = LocalSolver(bound=lowest_variance_elbo(bound, num_samples=k), optimizer=optimizer, tolerance=0.0)
        ours[f"vaerun, {name}"] = partial(solver, x, phi, optimizer.init(phi), max_steps=STEPS)
    rows = STEPS * number * k
    bare = partial(products, rows, number * k, backward=True)
    return Part(rows, {**ours, "plain torch": plain, "products": bare})


def plain_decoder() -> nn.Sequential:
    """A decoder as a script writes it."""
    torch.manual_seed(0)
    widths = (LATENTS, *HIDDEN, PIXELS)
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1]).requires_grad_(False)


def plain_log_likelihood(decoder: nn.Module, x: Tensor, z: Tensor) -> Tensor:
    """log p(x given z)."""
    logits = decoder(z)
    return -binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)


def plain_log_prior(z: Tensor) -> Tensor:
    """log p(z)."""
    return (-0.5 * z.square() - HALF_LOG_2PI).sum(-1)


def plain_log_joint(decoder: nn.Module, x: Tensor, z: Tensor) -> Tensor:
    """log p(x, z)."""
    return plain_log_likelihood(decoder, x, z) + plain_log_prior(z)


def products(rows: int, chunk: int, *, backward: bool = False) -> None:
    """The decoder's matrix products for so many rows, and those of the gradient in z."""
    weights = [torch.empty(b, a).fill_(0.01) for a, b in pairwise((LATENTS, *HIDDEN, PIXELS))]
    z = torch.full((chunk, LATENTS), 0.01)
    for _ in range(rows // chunk):
        h = z
        for weight in weights:
            h = h @ weight.T
        if backward:
            for weight in reversed(weights):
                h = h @ weight


if __name__ == "__main__":
    main()
