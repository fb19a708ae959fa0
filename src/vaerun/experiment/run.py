"""A trained run in Python: inference, bounds, samples and evaluations."""

from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar, final

import numpy as np
import torch
from torch import Tensor

from vaerun.bound.monte_carlo import log_weights
from vaerun.data.base import DataInfo, Dataset
from vaerun.data.condition import Condition
from vaerun.data.given import Numbers, numbers, whole
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.evaluation.imputation import Imputation, impute, without_noise
from vaerun.execution.caller import random_numbers_kept, settings_kept
from vaerun.execution.execution import Machine
from vaerun.experiment.directory import read_summary
from vaerun.experiment.option import refuse_keys
from vaerun.experiment.summary import read_records
from vaerun.experiment.values import refuse_other_values
from vaerun.posterior.base import Posterior
from vaerun.posterior.moments import mean
from vaerun.strategy.base import Strategy

Choice = str | Mapping[str, Any] | Evaluation
"""An evaluation by name, by its composed node, or as an object."""

Compute = Callable[[Choice, Mapping[str, Any], Dataset], EvaluationResult]

Given = Mapping[str, Any] | None
"""What points are conditioned on: values by variable, one for all points or one for each."""

P = ParamSpec("P")
R = TypeVar("R")


def computed(method: Callable[Concatenate["Run", P], R]) -> Callable[Concatenate["Run", P], R]:
    """The method with the settings of the run; afterwards, those of torch are as the caller had them."""

    @wraps(method)
    def within(run: "Run", /, *args: P.args, **kwargs: P.kwargs) -> R:
        with settings_kept(run.machine):
            return method(run, *args, **kwargs)

    return within


class Estimates(NamedTuple):
    """One value in nats for each point, with its standard error, each Float[Tensor, "N"]."""

    values: Tensor
    standard_errors: Tensor  # of the average over the samples of z


@final
class Run:
    """A run at one of its checkpoints, as ``vaerun.load`` opens it. Draws come from torch's global generator.

    Points x are a tensor or an array, Float[Tensor, "N X"] or Float[Tensor, "N *shape"], with the values that the model
    was trained on: 0 and 1 for binarised data. If values were missing in the training data, nan marks a missing value.
    If the model conditions on y or on other variables, every method takes ``condition``: ``{"y": 3}`` for all points,
    or ``{"y": labels}`` with a value for each point.

    Args:
        directory: the run directory.
        strategy: with the weights of the checkpoint.
        data_info: name, shape and support of its data.
        step: the training step of the checkpoint.
        checkpoint: ``best`` or ``last``.
        read_data: reads the data.
        read_new: path ↦ the points of a file that the run was not trained with.
        compute: (evaluation, its keys, data) ↦ its result.
        machine: the threads and the library that it computes with.
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
        read_new: Callable[[Path | str], Dataset],
        compute: Compute,
        machine: Machine,
    ) -> None:
        strategy.keep_evaluated_weights()
        self.directory, self._place = directory, directory.absolute()  # the current folder may change
        self.strategy, self.data_info, self.machine = strategy.eval(), data_info, machine
        self.step, self.checkpoint = step, checkpoint
        self._read_data, self._read_new, self._compute = read_data, read_new, compute
        self.device = next(strategy.bound.model.parameters()).device

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json: status, metrics, cost, versions."""
        return read_summary(self._place)

    @property
    def records(self) -> list[dict[str, float]]:
        """metrics.jsonl, one dict for each record; ``pandas.DataFrame(run.records)`` is a table of the curves."""
        return read_records(self._place)

    @cached_property
    def data(self) -> Dataset:
        """The three splits that the run was trained with, read when they are first used."""
        with settings_kept(), random_numbers_kept():
            return self._read_data()

    def read(self, path: Path | str) -> Dataset:
        """All points of a file that the run was not trained with, as the split ``new``, in the order of the file.

        Their values are treated as those of the training data were. Nothing of the training data is read.

        Raises:
            UserError: the file cannot be used, or its points are not like those of the training data.
        """
        with settings_kept(), random_numbers_kept():
            return self._read_new(path)

    @computed
    def infer(self, x: Numbers, *, condition: Given = None) -> Posterior:
        """q(z; φ) of new points. The run's strategy finds φ: by the encoder, by an ascent for each point, or by both.

        The result has ``sample(k)`` Float[Tensor, "K N D"], ``log_prob(z)`` Float[Tensor, "K N"] and, if the mean has a
        closed form, ``mean()`` Float[Tensor, "N D"].

        Raises:
            UserError: x does not have the shape of the data, or has values that the likelihood excludes; the condition
                is missing, or a variable or class does not exist.
        """
        q: Posterior = self.strategy.bound.family(self._phi(self._points(x, condition)))
        return q

    @computed
    @torch.no_grad()
    def encode(self, x: Numbers, *, condition: Given = None) -> Tensor:
        """E_q[z] of new points, Float[Tensor, "N D"]; without a closed form, the mean of 256 samples.

        Raises:
            UserError: as ``infer``.
        """
        return mean(self.infer(x, condition=condition))

    @computed
    @torch.no_grad()
    def elbo(self, x: Numbers, num_samples: int = 100, *, condition: Given = None) -> Estimates:
        """(1/K) Σ_k log p(x, z_k) − log q(z_k; φ) of every point, in expectation a lower bound on log p(x).

        Args:
            x: the points.
            num_samples: K, 2 or more.
            condition: of the points, if the model conditions on something.

        Raises:
            UserError: as ``infer``, or K < 2.
        """
        r = self._log_weights(x, num_samples, condition)
        return Estimates(r.mean(0), r.std(0) / num_samples**0.5)

    @computed
    @torch.no_grad()
    def log_likelihood(self, x: Numbers, num_samples: int = 5000, *, condition: Given = None) -> Estimates:
        """L_K = log (1/K) Σ_k p(x, z_k)/q(z_k; φ), in expectation a lower bound on log p(x) that rises with K.

        The standard error is that of the mean weight, divided by this mean; it is too small if few weights dominate.

        Args:
            x: the points.
            num_samples: K, 2 or more.
            condition: of the points, if the model conditions on something.

        Raises:
            UserError: as ``infer``, or K < 2.
        """
        r = self._log_weights(x, num_samples, condition).double()
        log_mean = r.logsumexp(0) - torch.tensor(float(num_samples)).log()
        relative = (r - log_mean).exp().std(0) / num_samples**0.5
        return Estimates(log_mean, relative)

    @computed
    def impute(self, x: Numbers, num_samples: int = 1000, *, condition: Given = None) -> Imputation:
        """E[x_j given x_o] of each missing value (nan) of new points, and its spread; x_o is the observed part of x.

        Where ``data.dequantise`` added noise to the training data, x has none: the model gets the mean over the noise
        of every observed value, and x_j is the value without the noise.

        Returns:
            ``x`` with the means in place of nan, ``standard_deviation``, both Float[Tensor, "N *shape"], and the
            effective number of samples of each point, Float[Tensor, "N"].

        Raises:
            UserError: as ``infer``, or K = ``num_samples`` < 2.
        """
        K = whole("num_samples", num_samples, 2, ", because the spread is computed")
        rows, model = self._points(x, condition), self.strategy.bound.model
        values, widths = model.values(rows), noise_widths(self.data_info).to(rows)
        found = impute(self.strategy, model.row(values + widths / 2, model.given(rows)), num_samples=K)
        missing = values.isnan()
        found = without_noise(found, missing, widths)
        found = found._replace(x=torch.where(missing, found.x, values))
        return found._replace(x=self._shaped(found.x), standard_deviation=self._shaped(found.standard_deviation))

    @computed
    @torch.no_grad()
    def sample(self, n: int, *, condition: Given = None) -> Tensor:
        """x ~ p(x), Float[Tensor, "n *shape"]: z from the prior, then x given z; with a condition x ~ p(x given c).

        Raises:
            UserError: n is not a whole number ≥ 1; or as ``infer``, about the condition.
        """
        n = whole("n", n, 1)
        return self._shaped(self.strategy.bound.model.sample(n, self._given(condition, n)))

    @computed
    @torch.no_grad()
    def reconstruct(self, x: Numbers, *, condition: Given = None) -> Tensor:
        """E[x given z] at z = E_q[z], Float[Tensor, "N *shape"], with the total of x where the model conditions on it.

        Raises:
            UserError: as ``infer``.
        """
        z = self.encode(x, condition=condition)
        return self._shaped(self.strategy.bound.model.mean_like(self._points(x, condition), z))

    @computed
    @torch.no_grad()
    def decode(self, z: Numbers, *, condition: Given = None) -> Tensor:
        """E[x given z], Float[Tensor, "… *shape"], for z Float[Tensor, "… D"].

        Raises:
            UserError: z are no numbers, or their last axis is not D long; or as ``infer``, about the condition.
        """
        given, model = numbers("z", z), self.strategy.bound.model
        if given.shape[-1:] != (model.latent_dim,):
            raise UserError(
                f"the last axis of z must have {model.latent_dim} values, got the shape {list(given.shape)}."
            )
        rows = given.to(self.device, torch.get_default_dtype())
        c = self._given(condition, rows.shape[:-1].numel())
        return self._shaped(model.mean(rows, None if c is None else c.view(*rows.shape[:-1], -1)))

    @computed
    def evaluate(self, evaluation: Choice, *, data: Dataset | None = None, **keys: Any) -> EvaluationResult:
        """The result of an evaluation, such as ``run.evaluate("gap", split="test", points=100)``. It writes no files.

        Args:
            evaluation: an option of ``evaluation`` (``vaerun list evaluation``), a composed node, or an object.
            data: the points, such as ``run.read("new.npz")``; by default the data that the run was trained with.
            keys: values for keys of the option, as ``evaluation.KEY=VALUE`` on the command line.

        Returns:
            metrics by tag, values for each point, and images.

        Raises:
            UserError: the option or key does not exist, or a value is out of range.
        """
        refuse_keys(evaluation, keys)
        if data is not None and not isinstance(data, Dataset):
            raise UserError(
                f"data must be a Dataset, such as run.read('new.npz') or Dataset.of(x), got {type(data).__name__}."
            )
        if data is not None and data.new is not None and isinstance(evaluation, str):
            keys = {"split": "new", **keys}
        with random_numbers_kept():
            return self._compute(evaluation, keys, self.data if data is None else data)

    def _points(self, x: Numbers, condition: Given) -> Tensor:
        """x as the model needs it, Float[Tensor, "N X"] or with c "N X+C", after checks of shape and values."""
        given, shape = outside_inference(numbers("x", x)), self.data_info.shape
        X = int(np.prod(shape))
        if given.shape[1:] not in (torch.Size(shape), torch.Size((X,))):
            raise UserError(f"x must have the shape [N, {', '.join(map(str, shape))}], got {list(given.shape)}.")
        if not len(given):
            raise UserError("x must have at least one point, got none.")
        rows = given.reshape(len(given), X).to(self.device, torch.get_default_dtype())
        refuse_other_values(rows, self.data_info)
        return self.strategy.bound.model.row(rows, self._given(condition, len(rows)))

    def _given(self, condition: Given, n: int) -> Tensor | None:
        """c of n points, Float[Tensor, "n C"]; None if the model has no condition and none is given."""
        if condition is None and not self.data_info.given:
            return None
        return (
            Condition(self.data_info.given, self.data_info.covariates)
            .rows(condition or {}, n)
            .to(self.device, torch.get_default_dtype())
        )

    def _phi(self, rows: Tensor) -> Tensor:
        with torch.no_grad():
            return self.strategy.infer(rows).phi

    def _log_weights(self, x: Numbers, num_samples: int, condition: Given) -> Tensor:
        K = whole("num_samples", num_samples, 2, ", because a standard error is computed")
        rows = self._points(x, condition)
        return log_weights(self.strategy.bound, rows, self._phi(rows), K)

    def _shaped(self, rows: Tensor) -> Tensor:
        return rows.unflatten(-1, self.data_info.shape)


def outside_inference(given: Tensor) -> Tensor:
    """The tensor, or a copy of one that was made in torch's inference mode: an ascent in φ cannot use it."""
    return given.clone() if given.is_inference() else given


def noise_widths(info: DataInfo) -> Tensor:
    """The width of the noise that ``data.dequantise`` adds to each coordinate, Float[Tensor, "X"]; 0 without noise."""
    return torch.tensor([column.width for column in info.columns] or [0.0] * int(np.prod(info.shape)))
