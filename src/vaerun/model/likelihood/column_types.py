"""p(x_j given outputs) for all columns of one type at once: the parts of ``model/likelihood=mixed``."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from vaerun.model.likelihood.bernoulli import NEVER
from vaerun.model.likelihood.gamma import log_coefficient
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.nn.normal import HALF_LOG_2PI
from vaerun.nn.units import Units
from vaerun.notation import Column

LARGEST = 20.0  # the largest log of a mean count: float32 holds whole numbers up to 2²⁴ = e^16.6
SMALLEST = 1e-3  # the smallest initial mean of a count


class ColumnType(nn.Module, ABC):
    """x_j given outputs, for the J columns of one type.

    Args:
        own: the indices of these columns, J of them.
        columns: all columns of x.
        starts: the place of the first output of every column.
    """

    kinds: ClassVar[tuple[str, ...]]
    places: Tensor
    slots: Tensor

    def __init__(self, own: Sequence[int], columns: Sequence[Column], starts: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("places", torch.tensor(own), persistent=False)
        self.register_buffer("slots", self.output_places(own, columns, starts), persistent=False)

    def output_places(self, own: Sequence[int], columns: Sequence[Column], starts: Sequence[int]) -> Tensor:
        """The places of the outputs of these columns, Int[Tensor, "J"]."""
        return torch.tensor([starts[j] for j in own])

    @abstractmethod
    def initial(self, y: Tensor, data_mean: Tensor) -> Tensor:
        """The first outputs: y of the mean Float[Tensor, "X"], the mean Float[Tensor, "X"] ↦ Float[Tensor, "J"]."""

    @abstractmethod
    def terms(self, x: Tensor, y: Tensor, outputs: Tensor) -> Tensor:
        """log p(y_j) or log P(x_j) in nats: x and y Float[Tensor, "B X"], Float[Tensor, "K B O"] ↦ [K, B, J]."""

    @abstractmethod
    def mean(self, units: Units, outputs: Tensor) -> Tensor:
        """E[x_j given outputs], Float[Tensor, "*K B J"]."""

    @abstractmethod
    def sample(self, units: Units, outputs: Tensor) -> Tensor:
        """x_j ~ p(x_j given outputs), Float[Tensor, "*K B J"]."""


@final
class NormalColumns(ColumnType):
    """N(y_j; output, σ_j²) for real and positive columns, where y_j is standardised x_j or log x_j."""

    kinds: ClassVar[tuple[str, ...]] = ("real", "positive")
    log_spread: Tensor

    def __init__(self, own: Sequence[int], columns: Sequence[Column], starts: Sequence[int]) -> None:
        super().__init__(own, columns, starts)
        spread = [1.0 if columns[j].standardised else columns[j].std for j in own]
        self.register_buffer("log_spread", torch.tensor(spread).log(), persistent=False)
        self.raw_log_sigma = nn.Parameter(torch.zeros(len(own)))
        self.dim = len(columns)

    def log_sigma(self) -> Tensor:
        """log σ_j, Float[Tensor, "J"]."""
        return self.log_spread + bounded_log_scale(self.raw_log_sigma)

    def initial(self, y: Tensor, data_mean: Tensor) -> Tensor:
        return y[self.places]

    def terms(self, x: Tensor, y: Tensor, outputs: Tensor) -> Tensor:
        log_sigma = self.log_sigma()
        off = (y[:, self.places] - outputs[..., self.slots]) * (-log_sigma).exp()
        return -0.5 * off.square() - log_sigma - HALF_LOG_2PI

    def mean(self, units: Units, outputs: Tensor) -> Tensor:
        # E[exp(m + s y)] = exp(m + s E[y] + s² Var[y]/2), which is the inverse at E[y] + s Var[y]/2.
        raised = 0.5 * units.scale[self.places] * (2 * self.log_sigma()).exp()
        y = outputs[..., self.slots] + torch.where(units.log[self.places], raised, 0.0)
        return self._given(units, y)

    def sample(self, units: Units, outputs: Tensor) -> Tensor:
        y = outputs[..., self.slots]
        return self._given(units, y + self.log_sigma().exp() * torch.randn_like(y))

    def _given(self, units: Units, y: Tensor) -> Tensor:
        """x_j of y_j."""
        every = y.new_zeros((*y.shape[:-1], self.dim)).index_copy(-1, self.places, y)
        return units.inverse(every)[..., self.places]


@final
class CountColumns(ColumnType):
    """Γ(x + r)/(Γ(r) x!) (r/(r + μ))^r (μ/(r + μ))^x with μ = exp(output): negative binomial counts."""

    kinds: ClassVar[tuple[str, ...]] = ("count",)

    def __init__(self, own: Sequence[int], columns: Sequence[Column], starts: Sequence[int]) -> None:
        super().__init__(own, columns, starts)
        self.raw_log_r = nn.Parameter(torch.ones(len(own)))

    def initial(self, y: Tensor, data_mean: Tensor) -> Tensor:
        return data_mean[self.places].clamp(min=SMALLEST).log()

    def terms(self, x: Tensor, y: Tensor, outputs: Tensor) -> Tensor:
        x, log_r = x[:, self.places], bounded_log_scale(self.raw_log_r)
        r, log_odds = log_r.exp(), self.log_mean(outputs) - log_r
        return x * logsigmoid(log_odds) + r * logsigmoid(-log_odds) + log_coefficient(x, r)

    def log_mean(self, outputs: Tensor) -> Tensor:
        """log μ."""
        return outputs[..., self.slots].clamp(max=LARGEST)

    def mean(self, units: Units, outputs: Tensor) -> Tensor:
        return self.log_mean(outputs).exp()

    def sample(self, units: Units, outputs: Tensor) -> Tensor:
        mu = self.mean(units, outputs)
        r = bounded_log_scale(self.raw_log_r).exp().expand_as(mu)
        return torch.poisson(torch.distributions.Gamma(r, r / mu.clamp(min=torch.finfo(mu.dtype).tiny)).sample())


@final
class BinaryColumns(ColumnType):
    """Bernoulli(x_j; σ(output))."""

    kinds: ClassVar[tuple[str, ...]] = ("binary",)

    def initial(self, y: Tensor, data_mean: Tensor) -> Tensor:
        return data_mean[self.places].clamp(NEVER, 1 - NEVER).logit()

    def terms(self, x: Tensor, y: Tensor, outputs: Tensor) -> Tensor:
        logits = outputs[..., self.slots]
        return x[:, self.places] * logits - softplus(logits)

    def mean(self, units: Units, outputs: Tensor) -> Tensor:
        return outputs[..., self.slots].sigmoid()

    def sample(self, units: Units, outputs: Tensor) -> Tensor:
        p = self.mean(units, outputs)
        return (torch.rand_like(p) < p).to(p.dtype)


@final
class CategoricalColumns(ColumnType):
    """softmax(outputs)[x_j] over the L_j categories, whose codes are 0 … L_j − 1."""

    kinds: ClassVar[tuple[str, ...]] = ("categorical",)
    padded: Tensor
    surplus: Tensor
    shares: Tensor

    def __init__(self, own: Sequence[int], columns: Sequence[Column], starts: Sequence[int]) -> None:
        super().__init__(own, columns, starts)
        self.sizes = [len(columns[j].shares) for j in own]
        # Every column has as many logits as the largest one; the surplus has the probability 0.
        padded = torch.zeros(len(own), max(self.sizes), dtype=torch.long)
        for row, (j, size) in enumerate(zip(own, self.sizes, strict=True)):
            padded[row, :size] = starts[j] + torch.arange(size)
        surplus = torch.arange(max(self.sizes)) >= torch.tensor(self.sizes).unsqueeze(1)
        shares = torch.cat([torch.tensor(columns[j].shares) for j in own])
        self.register_buffer("padded", padded, persistent=False)
        self.register_buffer("surplus", surplus, persistent=False)
        self.register_buffer("shares", shares, persistent=False)

    def output_places(self, own: Sequence[int], columns: Sequence[Column], starts: Sequence[int]) -> Tensor:
        return torch.tensor([starts[j] + code for j in own for code in range(len(columns[j].shares))])

    def log_p(self, outputs: Tensor) -> Tensor:
        """log P(x_j = l), Float[Tensor, "*K B J L"], −∞ for the surplus."""
        return outputs[..., self.padded].masked_fill(self.surplus, -torch.inf).log_softmax(-1)

    def initial(self, y: Tensor, data_mean: Tensor) -> Tensor:
        return self.shares.to(data_mean).clamp(min=NEVER).log()

    def terms(self, x: Tensor, y: Tensor, outputs: Tensor) -> Tensor:
        log_p = self.log_p(outputs)
        code = x[:, self.places].round().long().clamp(min=0, max=log_p.shape[-1] - 1)
        return log_p.gather(-1, code.expand(log_p.shape[:-1]).unsqueeze(-1)).squeeze(-1)

    def mean(self, units: Units, outputs: Tensor) -> Tensor:
        return self.log_p(outputs).argmax(-1).to(outputs.dtype)

    def sample(self, units: Units, outputs: Tensor) -> Tensor:
        below = self.log_p(outputs).exp().cumsum(-1)[..., :-1]
        noise = torch.rand((*below.shape[:-1], 1), dtype=below.dtype, device=below.device)
        code = (noise >= below).sum(-1)
        return torch.minimum(code, torch.tensor(self.sizes, device=code.device) - 1).to(outputs.dtype)
