"""p(x given z) = Π_j Bernoulli(x_j; σ(logit_j)), x in {0, 1}."""

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad, softplus

from vaerun.execution.memory import numbers_at_once
from vaerun.model.likelihood.base import Likelihood

TOGETHER = 112  # factors in [½, 1] per product, which stays above 2⁻¹²⁶, the smallest normal float32
CERTAIN = 100.0  # σ of it is 1 up to rounding
NEVER = 1e-3  # smallest initial probability of a pixel, since the log-odds of 0 are −∞


class BernoulliLikelihood(Likelihood):
    """p(x given z) = Π_j Bernoulli(x_j; σ(logit_j)) over x in {0, 1}^X.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, appendix C.1.
    """

    data_support: ClassVar[str] = "binary"
    normalized: ClassVar[bool] = True
    levels = 2

    @property
    def num_outputs(self) -> int:
        return self.data_dim

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        return data_mean.clamp(NEVER, 1 - NEVER).logit()

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        return x * outputs - softplus(outputs)

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        return _LogProb.apply(x, outputs)

    @torch.no_grad()
    def output_gradient(self, x: Tensor, outputs: Tensor) -> Tensor:
        """x − σ(l)."""
        return outputs.sigmoid().sub_(x).neg_()

    def masked_log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """A logit of −100 at x = 0 contributes log 1 = 0 in float32 and float64, and its gradient is 0."""
        return self.log_prob(x, torch.where(observed, outputs, -CERTAIN))

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()

    def variance(self, outputs: Tensor) -> Tensor:
        p = outputs.sigmoid()
        return p * (1 - p)

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        return (torch.rand_like(outputs) < outputs.sigmoid()).to(outputs.dtype)


class _LogProb(torch.autograd.Function):
    """Σ_j log Bernoulli(x_j; σ(l_j)) and its derivatives x − σ(l) in l and l in x, with one array of the size of l.

    Autograd would keep three such arrays in the forward and two in the backward pass, which is most of the memory of a
    step with many samples.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, outputs: Tensor) -> Tensor:
        ctx.save_for_backward(x, outputs)
        return summed(x.expand_as(outputs), outputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        x, outputs = ctx.saved_tensors
        gradient = gradient.unsqueeze(-1)
        in_x = (gradient * outputs).sum_to_size(x.shape) if ctx.needs_input_grad[0] else None
        if torch.is_grad_enabled():  # the gradient itself will be differentiated
            return in_x, (x - outputs.sigmoid()) * gradient
        return in_x, outputs.sigmoid().sub_(x).mul_(-gradient)


def summed(x: Tensor, outputs: Tensor) -> Tensor:
    """log p(x given z) of every row of x and outputs, both Float[Tensor, "... X"], in parts that fit into memory."""
    several = next((place for place, size in enumerate(outputs.shape[:-1]) if size > 1), None)
    # A tensor of another type is being traced, and a compiled program needs no parts.
    if several is None or type(outputs) is not Tensor or outputs.numel() <= numbers_at_once(outputs.device):
        return at_once(x, outputs)
    halves = zip(x.chunk(2, several), outputs.chunk(2, several), strict=True)
    return torch.cat([summed(*half) for half in halves], several)


def at_once(x: Tensor, outputs: Tensor) -> Tensor:
    """log Π_j σ(|l_j|) − Σ_j (max(l_j, 0) − x_j l_j), without overflow in float32.

    The factors lie in [½, 1], so a product of a hundred of them does not underflow and needs only one logarithm. Where
    |l_j| is large, a factor is rounded to 1, which changes log p by at most 2⁻²⁴ per factor.
    """
    together = min(TOGETHER, outputs.shape[-1])
    linear = outputs.clamp(min=0).addcmul_(x, outputs, value=-1).sum(-1)
    factors = outputs.abs().sigmoid_()
    if missing := -outputs.shape[-1] % together:
        factors = pad(factors, (0, missing), value=1.0)
    return factors.unflatten(-1, (-1, together)).prod(-1).log().sum(-1) - linear
