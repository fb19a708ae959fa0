"""x = W z + μ + σ ε: simulated data with known log p(x)."""

from dataclasses import replace
from typing import final

import torch

from vaerun.config.ranges import above, at_least
from vaerun.data.assemble import assemble
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.hide import Hide
from vaerun.data.stream import stream


@final
class LinearGaussianData(Source):
    """x = W z + μ + σ ε with z ~ N(0, I_k), ε ~ N(0, I_X): simulated data.

    ``W`` [X, k], ``mu`` [X] (standard normal entries, float32) and ``sigma`` are attributes, so that the density
    N(x; μ, W Wᵀ + σ² I) is known. The parameters and each split have separate random generators.

    Args:
        num_train, num_valid, num_test: points of each split.
        data_dim: X.
        latent_dim: k.
        sigma: standard deviation of the noise, > 0.
        simulation_seed: of the parameters and the points; independent of the seed of the run.
        hide: fraction of the values that are hidden, missing completely at random (``data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: a number is below 1 (below 2 for num_train), σ ≤ 0, the fraction is not in [0, 1), or a seed is not a
            whole number ≥ 0.

    Reference: Tipping & Bishop 1999, Probabilistic Principal Component Analysis.
    """

    def __init__(
        self,
        *,
        num_train: int = 2000,
        num_valid: int = 500,
        num_test: int = 500,
        data_dim: int = 10,
        latent_dim: int = 2,
        sigma: float = 0.5,
        simulation_seed: int = 0,
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        at_least("data.num_train", num_train, 2)
        at_least("data.num_valid", num_valid, 1)
        at_least("data.num_test", num_test, 1)
        at_least("data.data_dim", data_dim, 1)
        at_least("data.latent_dim", latent_dim, 1)
        above("data.sigma", sigma, 0)
        self.sizes = (num_train, num_valid, num_test)
        self.sigma = float(sigma)
        self.simulation_seed = simulation_seed
        self.hide = Hide(fraction=hide, seed=hide_seed)
        generator = stream("data.simulation_seed", simulation_seed)
        self.W = torch.randn(data_dim, latent_dim, generator=generator)
        self.mu = torch.randn(data_dim, generator=generator)

    def load(self) -> Dataset:
        train, valid, test = (self._simulate(n, place) for place, n in enumerate(self.sizes, start=1))
        untouched = binarization("none", seed=0)
        shape = (len(self.mu),)
        dataset = assemble("linear_gaussian", (train, valid, test), shape=shape, scale=1.0, choice=untouched)
        # A few points can all lie in [0, 1] by chance, but the support of the model is real.
        return self.hide(replace(dataset, support="real"))

    def _simulate(self, n: int, place: int) -> torch.Tensor:
        generator = stream("data.simulation_seed", self.simulation_seed, place)
        z = torch.randn(n, self.W.shape[1], generator=generator)
        noise = torch.randn(n, self.W.shape[0], generator=generator)
        # In float64 and rounded once, so that the hash does not depend on the order of sums in a BLAS library.
        return (z.double() @ self.W.double().T + self.mu + self.sigma * noise).float()
