"""A trained run, opened again: inference, samples and evaluations of it, from Python."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from vaerun.bound.monte_carlo import log_weights
from vaerun.data.base import DataFacts, Dataset
from vaerun.data.given import Numbers, numbers, whole
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.experiment.directory import read_summary
from vaerun.experiment.summary import read_records
from vaerun.posterior.base import ClosedFormMean, Posterior
from vaerun.strategy.base import Strategy

Choice = str | Mapping[str, Any] | Evaluation
"""An evaluation by name, by its composed node, or as an object."""

Compute = Callable[[Choice, Mapping[str, Any], Dataset], EvaluationResult]

DRAWS = 256  # for E_q[z], where it has no closed form
FITS = {"binary": "0 or 1", "unit": "between 0 and 1", "real": "finite"}


class PerPoint(NamedTuple):
    """A quantity of every point, each Float[Tensor, "N"], in nats."""

    values: Tensor
    standard_errors: Tensor  # of the Monte-Carlo average over the samples of each point


@final
class Run:
    """A run at one of its checkpoints, as ``vaerun.load`` opens it. Draws come from torch's global generator.

    Points x are Float[Tensor, "N X"] or Float[Tensor, "N *shape"], a tensor or an array, in the values that the model
    was trained on: of binarised data, 0 and 1.

    Args:
        directory: the run directory.
        strategy: with the weights of the checkpoint.
        data_facts: what is known of its data.
        step: at which the checkpoint was written.
        checkpoint: ``best`` or ``last``.
        read_data: reads the data.
        compute: (evaluation, its keys, data) ↦ its result.
    """

    def __init__(
        self,
        directory: Path,
        strategy: Strategy,
        data_facts: DataFacts,
        *,
        step: int,
        checkpoint: str,
        read_data: Callable[[], Dataset],
        compute: Compute,
    ) -> None:
        self.directory, self.strategy, self.data_facts = directory, strategy.eval(), data_facts
        self.step, self.checkpoint = step, checkpoint
        self._read_data, self._compute = read_data, compute
        self.device = next(strategy.bound.model.parameters()).device

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json: status, metrics, cost, versions."""
        return read_summary(self.directory)

    @property
    def records(self) -> list[dict[str, float]]:
        """metrics.jsonl, one dict a record; ``pandas.DataFrame(run.records)`` is a table of the curves."""
        return read_records(self.directory)

    @cached_property
    def data(self) -> Dataset:
        """The three splits that the run was trained with, read when they are first asked for."""
        return self._read_data()

    def infer(self, x: Numbers) -> Posterior:
        """q(z; φ) of new points, φ found as the strategy finds it: an encoder's guess, an ascent, or both.

        The result has ``sample(k)`` Float[Tensor, "K N D"], ``log_prob(z)`` Float[Tensor, "K N"], and, where it has a
        closed form, ``mean()`` Float[Tensor, "N D"].

        Raises:
            UserError: x has another shape or other values than the data.
        """
        q: Posterior = self.strategy.bound.family(self._phi(self._points(x)))
        return q

    @torch.no_grad()
    def encode(self, x: Numbers) -> Tensor:
        """E_q[z] of new points, Float[Tensor, "N D"]; a mean of 256 draws where it has no closed form.

        Raises:
            UserError: as ``infer``.
        """
        q = self.infer(x)
        return q.mean() if isinstance(q, ClosedFormMean) else q.sample(DRAWS).mean(0)

    @torch.no_grad()
    def elbo(self, x: Numbers, num_samples: int = 100) -> PerPoint:
        """(1/K) Σ_k log p(x, z_k) − log q(z_k; φ) of every point, in expectation a lower bound on log p(x).

        Args:
            x: the points.
            num_samples: K, 2 or more.

        Raises:
            UserError: as ``infer``, or K < 2.
        """
        r = self._log_weights(x, num_samples)
        return PerPoint(r.mean(0), r.std(0) / num_samples**0.5)

    @torch.no_grad()
    def log_likelihood(self, x: Numbers, num_samples: int = 5000) -> PerPoint:
        """L_K = log (1/K) Σ_k p(x, z_k)/q(z_k; φ), in expectation a lower bound on log p(x) that rises with K.

        The standard error is that of the mean weight, relative to it; where few weights decide it is too small.

        Args:
            x: the points.
            num_samples: K, 2 or more.

        Raises:
            UserError: as ``infer``, or K < 2.
        """
        r = self._log_weights(x, num_samples).double()
        log_mean = r.logsumexp(0) - torch.tensor(float(num_samples)).log()
        relative = (r - log_mean).exp().std(0) / num_samples**0.5
        return PerPoint(log_mean, relative)

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
        """The result of an evaluation: ``run.evaluate("gap", split="test", points=100)``. Nothing is written.

        Args:
            evaluation: an option of ``evaluation`` (``vaerun list evaluation``), its composed node, or an object.
            keys: of the option, as ``evaluation.KEY`` on the command line.

        Returns:
            metrics by tag, values per point, and pictures.

        Raises:
            UserError: there is no such option or key, or a value is out of range.
        """
        return self._compute(evaluation, keys, self.data)

    def _points(self, x: Numbers) -> Tensor:
        """x as the model sees it, Float[Tensor, "N X"]."""
        given, shape = numbers("x", x), self.data_facts.shape
        X = int(np.prod(shape))
        if given.shape[1:] not in (torch.Size(shape), torch.Size((X,))):
            raise UserError(f"x must have the shape [N, {', '.join(map(str, shape))}], got {list(given.shape)}.")
        if not len(given):
            raise UserError("x must have at least one point, got none.")
        rows = given.reshape(len(given), X).to(self.device, torch.get_default_dtype())
        support = self.data_facts.support
        fits = {
            "binary": (rows == 0) | (rows == 1),
            "unit": (rows >= 0) & (rows <= 1),
            "real": torch.isfinite(rows),
        }[support]
        if not bool(fits.all()):
            odd = float(rows[~fits][0])
            raise UserError(
                f"every value of x must be {FITS[support]}, as in the data that the run was trained on, got {odd:g}: "
                f"scale or binarise x in the same way."
            )
        return rows

    def _phi(self, rows: Tensor) -> Tensor:
        with torch.no_grad():
            return self.strategy.infer(rows).phi

    def _log_weights(self, x: Numbers, num_samples: int) -> Tensor:
        K = whole("num_samples", num_samples, 2, ", because a standard error is given")
        rows = self._points(x)
        return log_weights(self.strategy.bound, rows, self._phi(rows), K)

    def _shaped(self, rows: Tensor) -> Tensor:
        return rows.unflatten(-1, self.data_facts.shape)
