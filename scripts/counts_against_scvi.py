"""Compares held-out ELBOs of negative-binomial models: vaerun and scvi-tools on the same counts, splits and networks.

    python scripts/counts_against_scvi.py simulate counts.h5ad
    python scripts/counts_against_scvi.py scvi counts.h5ad        # in an environment with scvi-tools

docs/counts.md has the command of vaerun and the results. Both use one hidden layer of 128 units, 10 latents, one
dispersion per gene, no zero inflation, the observed total as library size, and log(1 + x) in the encoder. scvi-tools
has no batch normalisation and no dropout here, because vaerun has none.
"""

import argparse
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse


def simulate(path: Path, *, points: int = 3000, genes: int = 300, seed: int = 0) -> None:
    """Cells of four types in two batches: negative-binomial counts with means l softmax(W z + b + batch)."""
    rng = np.random.default_rng(seed)
    kind, batch = rng.integers(4, size=points), rng.integers(2, size=points)
    z = 1.5 * rng.normal(size=(4, 5))[kind] + 0.5 * rng.normal(size=(points, 5))
    logits = z @ (0.6 * rng.normal(size=(5, genes))) + 1.2 * rng.normal(size=genes)
    logits += 0.3 * rng.normal(size=(2, genes))[batch]
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    total = rng.lognormal(np.log(600), 0.4, size=(points, 1))
    size = np.exp(0.7 + 0.7 * rng.normal(size=genes))
    x = rng.poisson(rng.gamma(size, share * total / size)).astype("f4")
    obs = {"cell_type": [f"type {k}" for k in kind], "batch": [f"b{k}" for k in batch]}
    table = pd.DataFrame(obs, index=[f"cell{i}" for i in range(points)], dtype="category")
    cells = anndata.AnnData(np.log1p(1e4 * x / np.maximum(x.sum(1, keepdims=True), 1)), obs=table)
    cells.layers["counts"] = scipy.sparse.csr_matrix(x)
    cells.write_h5ad(path)


def with_scvi(path: Path, *, epochs: int, batch_size: int, learning_rate: float, seed: int) -> float:
    """The held-out ELBO of scvi-tools on vaerun's split with data.split_seed=0, in nats per cell."""
    import scvi
    import torch

    cells = anndata.read_h5ad(path)
    (state,) = np.random.SeedSequence((0, 0)).generate_state(1, np.uint64)
    order = torch.randperm(cells.n_obs, generator=torch.Generator().manual_seed(int(state) >> 1)).numpy()
    held = cells.n_obs // 10
    test, valid, train = order[:held], order[held : 2 * held], order[2 * held :]
    scvi.settings.seed = seed
    scvi.model.SCVI.setup_anndata(cells, layer="counts")
    model = scvi.model.SCVI(
        cells,
        n_hidden=128,
        n_latent=10,
        n_layers=1,
        dropout_rate=0.0,
        dispersion="gene",
        gene_likelihood="nb",
        use_observed_lib_size=True,
        use_batch_norm="none",
        use_layer_norm="none",
    )
    model.train(
        max_epochs=epochs,
        batch_size=batch_size,
        accelerator="cpu",
        datasplitter_kwargs={"external_indexing": [train, valid, test]},
        plan_kwargs={"lr": learning_rate, "weight_decay": 0.0, "n_epochs_kl_warmup": 1},
        enable_progress_bar=False,
        check_val_every_n_epoch=None,
    )
    return float(np.mean([held_out(model, test) for _ in range(20)]))


def held_out(model: object, rows: np.ndarray) -> float:
    """One sample of the ELBO, in nats per cell. (Some versions of scvi-tools return it with the other sign.)"""
    return -abs(float(model.get_elbo(indices=rows)))  # type: ignore[attr-defined]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task", choices=("simulate", "scvi"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.task == "simulate":
        simulate(given.path)
    else:
        keys = {"epochs": given.epochs, "batch_size": given.batch_size, "learning_rate": given.learning_rate}
        print(f"elbo/test {with_scvi(given.path, seed=given.seed, **keys):.3f}")
