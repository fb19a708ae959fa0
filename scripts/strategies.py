"""Which strategy is better at equal cost? Trains all three on statically binarised MNIST, and prints a table.

    python scripts/strategies.py --root FOLDER_WITH_MNIST --seconds 300 --evaluations 3000000

Every strategy gets the same seconds of training steps in one row, the same number of decoder evaluations in the other;
evaluation is not counted. Test figures are over all 10,000 points, the per-point strategies' φ found by their solver.
With --plain, the well-known 784-400-20 example is trained for 10 epochs beside the default configuration.
The results go to stdout as a Markdown table, each run to OUT. It takes about an hour on two cores.
"""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

STRATEGIES = ("amortized", "joint", "coordinate")
K = 500


def main() -> None:
    """Runs every job and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="data folder with binarized_mnist.npz")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark"), help="where the runs go")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--evaluations", type=int, default=3_000_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, one thread each")
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    limits = {
        f"{options.seconds:g} s": f"trainer.max_seconds={options.seconds}",
        f"{options.evaluations:,} decoder evaluations": f"trainer.max_decoder_evaluations={options.evaluations}",
    }
    jobs = {
        (budget, strategy, seed): [f"strategy={strategy}", limit, "trainer.epochs=100000", f"seed={seed}"]
        for seed in range(options.seeds)
        for budget, limit in limits.items()
        for strategy in STRATEGIES
    }
    if options.plain:
        jobs |= {
            ("10 epochs", "amortized", seed): ["trainer.epochs=10", f"seed={seed}"] for seed in range(options.seeds)
        }
    with ThreadPoolExecutor(options.jobs) as pool:
        directories = {job: options.out / "_".join(map(str, job)).replace(" ", "-").replace(",", "") for job in jobs}
        list(pool.map(lambda job: train(jobs[job], directories[job], options.root), jobs))
    print("| budget | strategy | seed | test ELBO | test L_500 | training seconds | decoder evaluations | θ-steps |")
    print("|---|---|---|---|---|---|---|---|")
    for job, directory in directories.items():
        print(row(job, json.loads((directory / "summary.json").read_text())))
    if options.plain:
        for seed in range(options.seeds):
            print(
                f"| 10 epochs | the plain 784-400-20 example | {seed} | {plain(options.root, seed):.2f} | | | | 3,910 |"
            )


def train(words: list[str], directory: Path, root: Path) -> None:
    """One run of the command, finished already or not."""
    command = [
        Path(sys.executable).with_name("vaerun"),
        "train",
        "data=binarized_mnist",
        f"data.root={root}",
        "execution.threads=1",
        "trainer.validation.every=5",
        "trainer.records.images_every=0",
        f"evaluation.num_samples={K}",
        f"hydra.run.dir={directory}",
        *words,
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def row(job: tuple[str, str, int], summary: dict) -> str:
    """One line of the table."""
    budget, strategy, seed = job
    m = summary["metrics"]
    bounds = [f"{m[f'{name}/test']:.2f} ± {m[f'{name}_se/test']:.2f}" for name in ("elbo", f"iwae_{K}")]
    cost = [f"{summary['train_seconds']:.0f}", f"{summary['decoder_evaluations']:,}", f"{summary['steps']:,}"]
    return "| " + " | ".join([budget, strategy, str(seed), *bounds, *cost]) + " |"


def plain(root: Path, seed: int) -> float:
    """Test ELBO of the example that everybody starts from: ReLU, Adam at 1e-3, batches of 128, 10 epochs."""
    import numpy as np
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits

    torch.manual_seed(seed)
    with np.load(root / "binarized_mnist.npz") as file:
        train, test = (torch.from_numpy(file[name].reshape(-1, 784)).float() for name in ("train", "test"))
    encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40))
    decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)

    def elbo(x: torch.Tensor) -> torch.Tensor:
        mu, log_variance = encoder(x).chunk(2, dim=1)
        z = mu + (0.5 * log_variance).exp() * torch.randn_like(mu)
        reconstruction = binary_cross_entropy_with_logits(decoder(z), x, reduction="none").sum(1)
        return -reconstruction + 0.5 * (1 + log_variance - mu**2 - log_variance.exp()).sum(1)

    for _ in range(10):
        for index in torch.randperm(len(train)).split(128):
            optimizer.zero_grad()
            (-elbo(train[index]).mean()).backward()
            optimizer.step()
    with torch.no_grad():
        return float(torch.stack([elbo(test).mean() for _ in range(10)]).mean())


if __name__ == "__main__":
    main()
