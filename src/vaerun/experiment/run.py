"""A trained run in Python: inference, bounds, samples and evaluations."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from vaerun.bound.monte_carlo import log_weights
from vaerun.data.base import DataInfo, Dataset
from vaerun.data.given import Numbers, numbers, whole
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.experiment.directory import read_summary
from vaerun.experiment.option import refuse_keys
from vaerun.experiment.summary import read_records
from vaerun.posterior.base import ClosedFormMean, Posterior
from vaerun.strategy.base import Strategy

Choice = str | Mapping[str, Any] | Evaluation
"""An evaluation by name, by its composed node, or as an object."""

Compute = Callable[[Choice, Mapping[str, Any], Dataset], EvaluationResult]

DRAWS = 256  # samples for E_q[z] without a closed form
FITS = {"binary": "0 or 1", "unit": "between 0 and 1", "real": "finite"}


class Estimates(NamedTuple):
    """One value in nats for each point, with its standard error, each Float[Tensor, "N"]."""

    values: Tensor
    standard_errors: Tensor  # of the average over the samples of z


@final
class Run:
    """A run at one of its checkpoints, as ``vaerun.load`` opens it. Draws come from torch's global generator.

    Points x are a tensor or an array, Float[Tensor, "N X"] or Float[Tensor, "N *shape"], with the values that the model
    was trained on: 0 and 1 for binarised data.

    Args:
        directory: the run directory.
        strategy: with the weights of the checkpoint.
        data_info: name, shape and support of its data.
        step: the training step of the checkpoint.
        checkpoint: ``best`` or ``last``.
        read_data: reads the data.
        compute: (evaluation, its keys, data) ↦ its result.
    """

    def __init__(
        self,
        directory: Path,
        strategy: Strategy,
        data_info: DataInfo,
        *,
        step: int,
        checkpoint: str,
        read_data: Callable[[], Dataset],
        compute: Compute,
    ) -> None:
        self.directory, self.strategy, self.data_info = directory, strategy.eval(), data_info
        self.step, self.checkpoint = step, checkpoint
        self._read_data, self._compute = read_data, compute
        self.device = next(strategy.bound.model.parameters()).device

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json: status, metrics, cost, versions."""
        return read_summary(self.directory)

    @property
    def records(self) -> list[dict[str, float]]:
        """metrics.jsonl, one dict for each record; ``pandas.DataFrame(run.records)`` is a table of the curves."""
        return read_records(self.directory)

    @cached_property
    def data(self) -> Dataset:
        """The three splits that the run was trained with, read when they are first used."""
        return self._read_data()

    def infer(self, x: Numbers) -> Posterior:
        """q(z; φ) of new points. The run's strategy finds φ: by the encoder, by an ascent for each point, or by both.

        The result has ``sample(k)`` Float[Tensor, "K N D"], ``log_prob(z)`` Float[Tensor, "K N"] and, if the mean has a
        closed form, ``mean()`` Float[Tensor, "N D"].

        Raises:
            UserError: x does not have the shape of the data, or has values that the likelihood excludes.
        """
        q: Posterior = self.strategy.bound.family(self._phi(self._points(x)))
        return q

    @torch.no_grad()
    def encode(self, x: Numbers) -> Tensor:
        """E_q[z] of new points, Float[Tensor, "N D"]; without a closed form, the mean of 256 samples.

        Raises:
            UserError: as ``infer``.
        """
        q = self.infer(x)
        return q.mean() if isinstance(q, ClosedFormMean) else q.sample(DRAWS).mean(0)

    @torch.no_grad()
    def elbo(self, x: Numbers, num_samples: int = 100) -> Estimates:
        """(1/K) Σ_k log p(x, z_k) − log q(z_k; φ) of every point, in expectation a lower bound on log p(x).

        Args:
            x: the points.
            num_samples: K, 2 or more.

        Raises:
            UserError: as ``infer``, or K < 2.
        """
        r = self._log_weights(x, num_samples)
        return Estimates(r.mean(0), r.std(0) / num_samples**0.5)

    @torch.no_grad()
    def log_likelihood(self, x: Numbers, num_samples: int = 5000) -> Estimates:
        """L_K = log (1/K) Σ_k p(x, z_k)/q(z_k; φ), in expectation a lower bound on log p(x) that rises with K.

        The standard error is that of the mean weight, divided by this mean; it is too small if few weights dominate.

        Args:
            x: the points.
            num_samples: K, 2 or more.

        Raises:
            UserError: as ``infer``, or K < 2.
        """
        r = self._log_weights(x, num_samples).double()
        log_mean = r.logsumexp(0) - torch.tensor(float(num_samples)).log()
        relative = (r - log_mean).exp().std(0) / num_samples**0.5
        return Estimates(log_mean, relative)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """x ~ p(x), Float[Tensor, "n *shape"]: z from the prior, then x given z.

        Raises:
            UserError: n is not a whole number ≥ 1.
        """
        model = self.strategy.bound.model
        return self._shaped(model.observe(model.prior.sample(whole("n", n, 1))))

    @torch.no_grad()
    def reconstruct(self, x: Numbers) -> Tensor:
        """E[x given z] at z = E_q[z], Float[Tensor, "N *shape"].

        Raises:
            UserError: as ``infer``.
        """
        return self.decode(self.encode(x))

    @torch.no_grad()
    def decode(self, z: Numbers) -> Tensor:
        """E[x given z], Float[Tensor, "… *shape"], for z Float[Tensor, "… D"].

        Raises:
            UserError: z are no numbers, or their last axis is not D long.
        """
        given, D = numbers("z", z), self.strategy.bound.model.latent_dim
        if given.shape[-1:] != (D,):
            raise UserError(f"the last axis of z must have {D} values, got the shape {list(given.shape)}.")
        return self._shaped(self.strategy.bound.model.mean(given.to(self.device, torch.get_default_dtype())))

    def evaluate(self, evaluation: Choice, **keys: Any) -> EvaluationResult:
        """The result of an evaluation, such as ``run.evaluate("gap", split="test", points=100)``. It writes no files.

        Args:
            evaluation: an option of ``evaluation`` (``vaerun list evaluation``), a composed node, or an object.
            keys: values for keys of the option, as ``evaluation.KEY=VALUE`` on the command line.

        Returns:
            metrics by tag, values for each point, and images.

        Raises:
            UserError: the option or key does not exist, or a value is out of range.
        """
        refuse_keys(evaluation, keys)
        return self._compute(evaluation, keys, self.data)

    def _points(self, x: Numbers) -> Tensor:
        """x as the model needs it, Float[Tensor, "N X"], after checks of shape and values."""
        given, shape = numbers("x", x), self.data_info.shape
        X = int(np.prod(shape))
        if given.shape[1:] not in (torch.Size(shape), torch.Size((X,))):
            raise UserError(f"x must have the shape [N, {', '.join(map(str, shape))}], got {list(given.shape)}.")
        if not len(given):
            raise UserError("x must have at least one point, got none.")
        rows = given.reshape(len(given), X).to(self.device, torch.get_default_dtype())
        support = self.data_info.support
        fits = {
            "binary": (rows == 0) | (rows == 1),
            "unit": (rows >= 0) & (rows <= 1),
            "real": torch.isfinite(rows),
        }[support]
        if not bool(fits.all()):
            odd = float(rows[~fits][0])
            raise UserError(
                f"every value of x must be {FITS[support]}, as in the training data, got {odd:g}: "
                f"scale or binarise x in the same way."
            )
        return rows

    def _phi(self, rows: Tensor) -> Tensor:
        with torch.no_grad():
            return self.strategy.infer(rows).phi

    def _log_weights(self, x: Numbers, num_samples: int) -> Tensor:
        K = whole("num_samples", num_samples, 2, ", because a standard error is computed")
        rows = self._points(x)
        return log_weights(self.strategy.bound, rows, self._phi(rows), K)

    def _shaped(self, rows: Tensor) -> Tensor:
        return rows.unflatten(-1, self.data_info.shape)
