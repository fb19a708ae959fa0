"""The symbols of the lecture, and the records that data, models, estimators and strategies exchange.

======== ==================================================================== ==========================
symbol   meaning                                                              in code
======== ==================================================================== ==========================
θ        parameters of the model p_θ(x, z) = p_θ(x given z) p_θ(z)            ``theta``, ``Model``
φ_i      variational parameters of one data point x_i; a row of Φ [N, P]      ``phi``, ``PhiTable``
λ        parameters of the encoder f_λ: x ↦ φ                                 ``lam``, ``Amortizer``
q(z; φ)  variational posterior                                                ``Posterior``
r(z)     the reward log p_θ(x, z) − log q(z; φ), the log importance weight    ``r``, [K, B]
J        a bound as a function of K rewards                                   ``Objective``
L        L(x; θ, φ) = E_q[J(r(z_1), …, r(z_K))]                               ``Bound``
======== ==================================================================== ==========================

Axes: N data points, B batch, K Monte-Carlo samples, D latent dimension, P length of φ, X length of x, O length of the
decoder's output, R rows of Φ, S values of a finite support, M strata. Docstrings state shapes as jaxtyping writes them,
Float[Tensor, "K B"]; the tests check those of the base classes on every option (tests/law/test_shapes.py).
Units: nats per datum, summed over the X coordinates; higher is better. Only losses have a minus sign.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from torch import Tensor

NOTHING: Mapping[str, Tensor] = MappingProxyType({})


class Batch(NamedTuple):
    """Data points of one split and their indices in it."""

    index: Tensor  # type: ignore[assignment]  # Int[Tensor, "B"]: the row of Φ of each point
    x: Tensor  # Float[Tensor, "B X"]


Kind = Literal["real", "positive", "count", "binary", "categorical"]
"""The type of a column: any number; a number > 0; 0, 1, 2, …; 0 or 1; one of several categories."""


class Column(NamedTuple):
    """What is known about one column of a table, from its training points where nothing else is said.

    t(x) is x for a real column, log x for a positive one and log(1 + x) for a count; other columns have no t.
    """

    name: str
    kind: Kind = "real"
    mean: float = 0.0  # of t(x)
    std: float = 1.0  # of t(x)
    standardised: bool = False  # whether likelihoods work with (t(x) − mean)/std
    width: float = 0.0  # of the uniform noise that every visit adds to x; 0 without
    categories: tuple[str, ...] = ()  # names of the codes 0, 1, …
    shares: tuple[float, ...] = ()  # of these categories among the observed values
    low: float = 0.0  # the smallest and the largest value of all points
    high: float = 1.0
    missing: int = 0  # cells without a value, of all points


class Terms(NamedTuple):
    """The three terms of the reward: r(z) = log p(x given z) + log p(z) − log q(z)."""

    log_likelihood: Tensor  # Float[Tensor, "K B"]
    log_prior: Tensor  # Float[Tensor, "K B"]
    log_q: Tensor  # Float[Tensor, "K B"]


class Estimate(NamedTuple):
    """One Monte-Carlo estimate of the bound of every point of a batch."""

    value: Tensor  # Float[Tensor, "B"]: J(r), detached
    surrogate: Tensor  # Float[Tensor, "B"]: its gradient is the estimate of ∇L
    log_likelihood: Tensor  # Float[Tensor, "B"]: E_q[log p(x given z)] at samples of q, detached
    kl: Tensor  # Float[Tensor, "B"]: KL(q ‖ p(z)) at weight 1, at samples of q, detached
    auxiliary: Tensor  # Float[Tensor, ""]: the loss of the weights of the estimator; 0 without weights
    diagnostics: Mapping[str, Tensor] = NOTHING  # further quantities by name, each [B] or []
