"""Which estimator has the least noise? Gradient variance at the SAME parameters, and the bound each one trains to.

    python scripts/gradient_variance.py --root FOLDER_WITH_MNIST [--steps 10000] [--out docs/gradient_variance]

Statically binarised MNIST, 200 Bernoulli latents, linear encoder and decoder, batch 24, Adam at 3e-4.

1. One trajectory is trained (by --pilot). The other estimators ride along: at every step each sees the pilot's batch
   and parameters and trains what it has of its own (a baseline, η, a temperature, a network), but moves nothing else.
   Every --every steps each draws --draws gradients of one and the same batch at the same parameters. Reported is the
   log of the variance of ∂/∂λ, averaged over the encoder's weights; estimators differ in what a draw costs.
2. Every estimator trains a model of its own, from the same start and in the same order of the data; reported is the
   ELBO (hard samples, KL weight 1) averaged over the last 1,000 training steps, and at the end of each 2,000.

Writes OUT.json, OUT.md and OUT.png (with matplotlib), and takes about half an hour on two cores.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaerun.config.hydra import compose
from vaerun.data.loader import Loader
from vaerun.execution.random_state import isolated
from vaerun.experiment.build import build
from vaerun.experiment.experiment import Experiment
from vaerun.notation import Batch

CONTENDERS = {
    "score, no baseline": ["estimator=score", "estimator/baseline=none"],
    "score, learned baseline": ["estimator=score", "estimator/baseline=learned"],
    "score, nvil": ["estimator=score", "estimator/baseline=nvil"],
    "score, leave-one-out (K=2)": ["estimator=score", "estimator/baseline=leave_one_out", "objective.num_samples=2"],
    "muprop": ["estimator=muprop"],
    "muprop, learned baseline": ["estimator=muprop", "estimator/baseline=learned"],
    "arm": ["estimator=arm"],
    "disarm": ["estimator=disarm"],
    "rebar": ["estimator=rebar"],
    "relax": ["estimator=relax"],
}
BASE = (
    "data=binarized_mnist",
    "model.latent_dim=200",
    "model.decoder.hidden=[]",
    "amortizer.hidden=[]",
    "posterior=bernoulli",
    "optimizer.learning_rate=3e-4",
    "trainer.batch_size=24",
    "execution.threads=1",
    "execution.device=cpu",
)


def main() -> None:
    """Runs both parts and writes the three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="data folder with binarized_mnist.npz")
    parser.add_argument("--out", type=Path, default=Path("docs/gradient_variance"))
    parser.add_argument("--pilot", default="disarm", choices=CONTENDERS)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument(
        "--part", choices=("variance", "bound"), help="one part only; its figures join those in OUT.json"
    )
    options = parser.parse_args()
    path = options.out.with_suffix(".json")
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if options.part != "bound":
        found["variance"] = variances(options)
    if options.part != "variance":
        found["bound"] = {name: training_bound(name, options) for name in CONTENDERS}
    path.write_text(json.dumps(found, indent=1))
    if len(found) == 2:
        options.out.with_suffix(".md").write_text(table(found, options))
        plot(found, options.out.with_suffix(".png"))
        print(table(found, options))


def made(name: str, options: argparse.Namespace) -> Experiment:
    """The run of one contender; equal weights at the start for all of them."""
    cfg, _ = compose([*BASE, *CONTENDERS[name], f"data.root={options.root}", f"trainer.epochs={options.steps}"])
    return build(cfg)


def batches(run: Experiment) -> Iterator[Batch]:
    """Epoch after epoch."""
    loader, epoch = Loader(run.data.train, batch_size=run.trainer.batch_size, seed=0), 0
    while True:
        yield from loader.epoch(epoch, 0)
        epoch += 1


def variances(options: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """By contender: steps, and the log of the mean variance of ∂/∂λ at each of them."""
    runs = {name: made(name, options) for name in CONTENDERS}
    pilot = runs[options.pilot].strategy
    theta_lam = [*pilot.bound.model.parameters(), *pilot.amortizer.parameters()]
    found: dict[str, dict[str, list[float]]] = {
        name: {"decodes": [run.strategy.bound.decodes], "step": [], "log_variance": []} for name, run in runs.items()
    }
    own = {name: Own(run) for name, run in runs.items()}
    fixed: Batch | None = None
    for step, batch in zip(range(options.steps + 1), batches(runs[options.pilot]), strict=False):
        fixed = fixed or batch
        for name, run in runs.items():
            if run.strategy is not pilot:
                weights = [*run.strategy.bound.model.parameters(), *run.strategy.amortizer.parameters()]
                with torch.no_grad():
                    torch._foreach_copy_(weights, theta_lam)
                own[name].follow(batch)
        if step % options.every == 0 and step > 0:
            for name, run in runs.items():
                with isolated(step, run.device):
                    variance = noise(run, fixed, options.draws)
                found[name]["step"].append(step)
                found[name]["log_variance"].append(math.log(variance) if variance > 0 else -math.inf)
            print(step, {name: round(figures["log_variance"][-1], 2) for name, figures in found.items()}, flush=True)
        pilot.step(batch)
    return found


class Own:
    """The estimator's own weights of a passenger, and an optimiser that moves nothing else.

    Args:
        run: whose strategy rides along.
    """

    def __init__(self, run: Experiment) -> None:
        self.strategy = run.strategy
        self.weights = list(run.strategy.bound.estimator.parameters())
        self.optimizer = torch.optim.Adam(self.weights, lr=1e-3) if self.weights else None

    def follow(self, batch: Batch) -> None:
        """One step of the estimator's own loss; running averages move by themselves."""
        estimate = self.strategy.shared(batch.x)
        if self.optimizer is not None:
            gradients = torch.autograd.grad(estimate.auxiliary, self.weights, allow_unused=True)
            for weight, gradient in zip(self.weights, gradients, strict=True):
                weight.grad = gradient
            self.optimizer.step()


def noise(run: Experiment, batch: Batch, draws: int) -> float:
    """mean over the encoder's weights of Var[∂/∂λ mean_i L(x_i)], over fresh draws of the estimator alone."""
    strategy = run.strategy
    strategy.eval()  # running averages and β stay as they are
    weights = list(strategy.amortizer.parameters())
    total, square = 0.0, 0.0
    for _ in range(draws):
        gradients = torch.autograd.grad(strategy.shared(batch.x).surrogate.mean(), weights)
        flat: Tensor = torch.cat([g.flatten() for g in gradients]).double()
        total, square = total + flat, square + flat.square()
    strategy.train()
    variance = (square - total * total / draws) / (draws - 1)
    return float(variance.mean())


def training_bound(name: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """The ELBO of the training batches, averaged over stretches of 1/20 of the steps."""
    run = made(name, options)
    stretch = max(1, options.steps // 20)
    figures: dict[str, list[float]] = {"step": [], "elbo": []}
    total = torch.zeros(())
    for step, batch in zip(range(1, options.steps + 1), batches(run), strict=False):
        estimate = run.strategy.step(batch)
        total += (estimate.log_likelihood - estimate.kl).mean()
        if step % stretch == 0:
            figures["step"].append(step)
            figures["elbo"].append(float(total) / stretch)
            total.zero_()
    print(name, [round(e, 2) for e in figures["elbo"]], flush=True)
    return figures


def table(found: dict[str, Any], options: argparse.Namespace) -> str:
    """Markdown, the least noise first."""
    variance, bound = found["variance"], found["bound"]
    last = {name: mean(figures["log_variance"][-5:]) for name, figures in variance.items()}
    lines = [
        "| estimator | decodes a step | log variance, mean of the last 5 readings | log variance, first reading | "
        "training ELBO, first twentieth | training ELBO, last twentieth |",
        "|---|---|---|---|---|---|",
    ]
    for name in sorted(variance, key=lambda name: last[name]):
        first, curve = variance[name]["log_variance"][0], bound[name]["elbo"]
        decodes = variance[name]["decodes"][0]
        lines.append(f"| {name} | {decodes} | {last[name]:.2f} | {first:.2f} | {curve[0]:.2f} | {curve[-1]:.2f} |")
    return "\n".join(lines) + "\n"


def mean(values: Sequence[float]) -> float:
    """Their mean."""
    return sum(values) / len(values)


def plot(found: dict[str, Any], path: Path) -> None:
    """Both parts side by side."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), constrained_layout=True)
    for name in found["variance"]:
        (line,) = left.plot(found["variance"][name]["step"], found["variance"][name]["log_variance"], label=name)
        right.plot(found["bound"][name]["step"], found["bound"][name]["elbo"], color=line.get_color())
    left.set(xlabel="step", ylabel="log variance of ∂/∂λ", title="Same parameters, same batch")
    right.set(xlabel="step", ylabel="training ELBO, nats", title="Each trains its own")
    right.set_ylim(bottom=max(-260, min(min(f["elbo"]) for f in found["bound"].values())))
    figure.legend(loc="outside right upper", frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
