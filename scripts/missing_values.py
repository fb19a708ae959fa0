"""How well does each strategy fill in missing values? Trains on a table with hidden values, and prints a table.

    python scripts/missing_values.py

The data are the 30 measurements of 569 tumours of scikit-learn (breast cancer), each divided by its standard deviation.
A fraction of the values is hidden completely at random, in training points, too. Every strategy has the same number of
decoder evaluations and the same model, whose best checkpoint by validation bound fills in all hidden values. RMSE is
that of the means, over all hidden values; L_1000 is a lower bound on log p of the observed part of a test point. The
figures are means over seeds ± the standard error. For comparison: the mean of each column, and IterativeImputer
of scikit-learn, which regresses each column on the others. It takes about 15 minutes on two cores.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it makes the next import possible
from sklearn.impute import IterativeImputer

import vaerun
from vaerun.data.base import Dataset

METHODS = {
    "amortized": ["strategy=amortized"],
    "amortized, MIWAE (K = 5)": ["strategy=amortized", "objective=iwae", "objective.num_samples=5"],
    "semi-amortized": ["strategy=semi_amortized"],
    "joint": ["strategy=joint"],
    "coordinate": ["strategy=coordinate"],
}
MODEL = [
    "data=arrays",
    "model/likelihood=gaussian",
    "model.latent_dim=10",
    "model.decoder.hidden=[64]",
    "amortizer.hidden=[64]",
    "data.test_fraction=0.3",
    "trainer.batch_size=64",
    "trainer.epochs=100000",
    "trainer.validation.every=10",
    "trainer.records.images_every=0",
    "execution.threads=1",
]


def main() -> None:
    """Trains every method on every fraction and seed, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.2, 0.5])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=150_000)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    print("| hidden | method | RMSE of hidden values | L_1000 of test points, nat |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.npy")
        x = load_breast_cancer().data
        truth = (x / x.std(0)).astype(np.float32)
        np.save(path, truth)
        for fraction in options.fractions:
            words = [f"data.path={path}", f"data.hide={fraction}"]
            budget = f"trainer.max_decoder_evaluations={options.evaluations}"
            for name in options.methods:
                runs = [
                    vaerun.train(*MODEL, *words, *METHODS[name], budget, *seeded(seed), directory=Path(folder, tag))
                    for seed in range(options.seeds)
                    for tag in [f"{fraction}_{list(METHODS).index(name)}_{seed}"]
                ]
                print(row(fraction, name, [figures(run, truth) for run in runs]), flush=True)
            others = [regressed(run.data, truth) for run in runs]
            print(row(fraction, "IterativeImputer", [(one, None) for one, _ in others]))
            print(row(fraction, "means of the columns", [(one, None) for _, one in others]), flush=True)


def seeded(seed: int) -> list[str]:
    """Other weights and other hidden values for each seed."""
    return [f"seed={seed}", f"data.hide_seed={seed}"]


def figures(run: vaerun.Run, truth: np.ndarray) -> tuple[float, float]:
    """RMSE over all hidden values, and L_1000 of the test points."""
    x, rows = observed(run.data)
    bound = run.log_likelihood(run.data.test.points(), num_samples=1000).values.mean()
    return rmse(run.impute(x).x.numpy(), truth[rows], x.isnan().numpy()), float(bound)


def regressed(data: Dataset, truth: np.ndarray) -> tuple[float, float]:
    """The RMSE of IterativeImputer, and that of the means of the training points, at the same hidden values."""
    x, rows = observed(data)
    imputer = IterativeImputer(max_iter=30, random_state=0).fit(data.train.points().numpy())
    means = data.mean().expand_as(x).numpy()
    return tuple(rmse(guess, truth[rows], x.isnan().numpy()) for guess in (imputer.transform(x.numpy()), means))


def observed(data: Dataset) -> tuple[torch.Tensor, np.ndarray]:
    """The points of all splits with nan at hidden values, and their rows in the file."""
    parts = (data.train, data.valid, data.test)
    return torch.cat([part.points() for part in parts]), torch.cat([part.source_rows for part in parts]).numpy()


def rmse(guess: np.ndarray, truth: np.ndarray, hidden: np.ndarray) -> float:
    """The root of the mean squared error at the hidden values."""
    return float(np.sqrt(((guess - truth)[hidden] ** 2).mean()))


def row(fraction: float, name: str, found: list[tuple[float | None, ...]]) -> str:
    """One line of the table."""
    cells = []
    for column in zip(*found, strict=True):
        if column[0] is None:
            cells.append("")
            continue
        values = np.array(column)
        error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
        cells.append(f"{values.mean():.3f} ± {error:.3f}")
    return f"| {fraction:.0%} | {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
