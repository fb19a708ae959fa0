"""The number of latents that a linear VAE uses, against the eigenvalues of the data."""

import torch

from reproduction.laboratory import Laboratory
from reproduction.table import Row

REFERENCE = "Lucas, Tucker, Grosse, Norouzi 2019, Don't blame the ELBO! A linear VAE perspective on posterior collapse"
SOURCE = (
    "none; by theory, at the optimum a latent is used if, and only if, its eigenvalue of the covariance of the "
    "training data is above σ² (Tipping and Bishop 1999). The script computes the eigenvalues of the data."
)
REMARKS = (
    "Data with 10 latents in 20 dimensions, affine encoder and decoder, 10 latents, σ given. A latent is active if "
    "the variance of its posterior mean over the training points is above 0.01.",
)
NAME = "lucas2019/linear"
SIGMAS = (2, 4, 6)


def rows(laboratory: Laboratory) -> list[Row]:
    """Active units at each σ."""
    return [row(laboratory, sigma) for sigma in SIGMAS]


def row(laboratory: Laboratory, sigma: int) -> Row:
    """Active units against the number of eigenvalues above σ²."""
    import vaerun

    run = laboratory.train(NAME, f"model.likelihood.sigma={sigma}")
    x = vaerun.load(run.folder).data.train.points().double()
    spectrum = torch.linalg.eigvalsh((x - x.mean(0)).T @ (x - x.mean(0)) / len(x)).flip(0)[:10]
    expected = int((spectrum > sigma**2).sum())
    return Row(
        f"{NAME} σ={sigma}",
        "active latents",
        run.metrics["active_units/train"],
        claim=f"{expected} by theory",
        holds=run.metrics["active_units/train"] == expected,
        budget=run.budget,
        command=run.command,
        seconds=run.seconds,
        digits=0,
    )
