"""What is measured: a problem, and the programs that solve it."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

PIXELS, HIDDEN = 784, (200, 200)  # the network of Burda et al. 2016 with one stochastic layer: tanh, Bernoulli pixels
CHANNELS, DENSE, KERNEL = (32, 64), 256, 5  # convolutions of stride 2, then affine maps: rectified, Bernoulli pixels


@dataclass(frozen=True)
class Peer:
    """A program: ``label`` in the table, ``module`` of bench.peer, the ``words`` it is given, N where it differs."""

    label: str
    module: str
    words: tuple[str, ...] = ()
    points: int | None = None


@dataclass(frozen=True)
class Case:
    """A problem that every peer is given alike.

    Args:
        name: in the table.
        peers: who solves it; the ratios are to the first.
        batch: B.
        samples: K.
        objective: elbo or iwae.
        latents: D.
        points: N.
        steps: of a chunk, the stretch that is timed at once.
        unit: what a rate counts.
        per_step: how many of them a step makes.
        data: the folder with train.npy and data.npz.
        device: cpu or cuda.
        image: (H, W) or (H, W, C) of a point, for a convolutional network; empty for the other one.
    """

    name: str
    peers: tuple[Peer, ...]
    batch: int = 100
    samples: int = 1
    objective: str = "elbo"
    latents: int = 50
    points: int = 60_000
    steps: int = 100
    unit: str = "samples"
    per_step: int = 100
    data: str = ""
    device: str = "cpu"
    image: tuple[int, ...] = ()

    @property
    def pixels(self) -> int:
        """The number of values of a point."""
        return math.prod(self.image) if self.image else PIXELS

    def plain(self) -> dict[str, Any]:
        """As JSON takes it, without the peers."""
        return {key: value for key, value in asdict(self).items() if key != "peers"}


LOOP = Peer("REF: DataLoader loop", "torch_loop")
VAERUN = Peer("vaerun", "vaerun_train")
COMPILED = Peer("vaerun, execution.compile=true", "vaerun_train", ("execution.compile=true",))
PYRO = Peer("Pyro SVI", "pyro_svi")
NUMPYRO = Peer("NumPyro SVI, jitted", "numpyro_svi")
PYTHAE = Peer("pythae", "pythae_trainer")
LIGHTNING = Peer("Lightning", "lightning_trainer")
TUNED = Peer("tuned torch loop", "torch_loop", ("tuned",))

AMORTIZED = (LOOP, VAERUN, COMPILED, TUNED, PYRO, PYTHAE, LIGHTNING, NUMPYRO)
NO_PYTHAE = tuple(peer for peer in AMORTIZED if peer is not PYTHAE)  # its VAE has K = 1 only

LAYERS = Peer("the layers alone, no loss and no optimiser", "torch_loop", ("layers",))
CONVOLUTIONAL = (LOOP, VAERUN, COMPILED, TUNED, LAYERS)

INNER = Peer("vaerun, inner loop", "vaerun_inner")
COORDINATE = Peer("vaerun train strategy=coordinate", "vaerun_train", ("strategy=coordinate",))
COORDINATE_COMPILED = replace(
    COORDINATE, label="the same, execution.compile=true", words=(*COORDINATE.words, "execution.compile=true")
)
SCAN = Peer("JAX gather, scan, scatter, jitted", "jax_scan")
PYRO_TABLE, NUMPYRO_TABLE = Peer("Pyro table", "pyro_table"), Peer("NumPyro table, jitted", "numpyro_table")
VISIT = 20  # φ-steps a point takes at a visit

REPLAYED = "execution.cuda_graphs=true"
BOTH = f"execution.compile=true {REPLAYED}"
ON_CUDA = (REPLAYED, BOTH, f"{BOTH} execution.precision=tf32", f"{BOTH} execution.precision=bfloat16")
LONGER = 10  # a chunk of steps on a GPU, which is done with them so much sooner

BITS = ("posterior=bernoulli", "estimator=score")
REPARAM = Peer("reparam, Gaussian", "vaerun_train")
SCORE = Peer("score, default baseline", "vaerun_train", BITS)
NO_BASELINE = Peer("score, no baseline", "vaerun_train", (*BITS, "estimator/baseline=none"))
LEAVE_ONE_OUT = Peer("score, leave-one-out", "vaerun_train", (*BITS, "estimator/baseline=leave_one_out"))


def amortized(name: str, peers: tuple[Peer, ...], *, batch: int, samples: int = 1, objective: str = "elbo") -> Case:
    """φ = f_λ(x), reparameterized: training steps as they are."""
    steps = 100 if batch * samples < 1000 else 50
    return Case(name, peers, batch=batch, samples=samples, objective=objective, steps=steps, per_step=batch)


def convolutional(name: str, image: tuple[int, ...], *, points: int) -> Case:
    """φ = f_λ(x) with convolutions in encoder and decoder."""
    return Case(name, CONVOLUTIONAL, image=image, points=points, steps=20)


def per_point(name: str, peers: tuple[Peer, ...], *, points: int, visits: int) -> Case:
    """φ_i from a table: a step of the case is a visit, ``VISIT`` steps of each point of a batch."""
    return Case(name, peers, points=points, steps=visits, unit="point-steps", per_step=100 * VISIT)


def on(case: Case, device: str) -> Case:
    """The case on a device, on CUDA with what vaerun has for it."""
    if device == "cpu":
        return case
    rows = tuple(
        replace(peer, label=f"{peer.label}, {words}", words=(*peer.words, *words.split()))
        for peer in case.peers
        for words in ON_CUDA
        if peer in (VAERUN, INNER, COORDINATE)
    )
    return replace(case, device=device, peers=(*case.peers, *rows), steps=LONGER * case.steps)


CASES = {
    "b100": amortized("batch 100, K=1", AMORTIZED, batch=100),
    "b512": amortized("batch 512, K=1", AMORTIZED, batch=512),
    "k5": amortized("batch 100, K=5", NO_PYTHAE, batch=100, samples=5),
    "iwae": amortized("batch 20, K=50, IWAE", AMORTIZED, batch=20, samples=50, objective="iwae"),
    "n1e4": per_point(
        "per point, N=1e4",
        (INNER, COORDINATE, COORDINATE_COMPILED, PYRO_TABLE, NUMPYRO_TABLE, SCAN),
        points=10_000,
        visits=5,
    ),
    "n1e5": per_point("per point, N=1e5", (INNER, PYRO_TABLE, NUMPYRO_TABLE, SCAN), points=100_000, visits=2),
    "n1e6": per_point(
        "per point, N=1e6 against 1e4",
        (INNER, replace(INNER, label="vaerun, inner loop at N=1e4", points=10_000)),
        points=1_000_000,
        visits=10,
    ),
    "conv28": convolutional("convolutions, 28 × 28, batch 100", (28, 28), points=20_000),
    "conv32": convolutional("convolutions, 32 × 32 × 3, batch 100", (32, 32, 3), points=10_000),
    "score1": Case("200 bits, K=1", (REPARAM, SCORE, NO_BASELINE), latents=200),
    "score5": Case("200 bits, K=5", (REPARAM, SCORE, NO_BASELINE, LEAVE_ONE_OUT), samples=5, latents=200),
}
