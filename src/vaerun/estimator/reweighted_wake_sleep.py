"""θ: ∇_θ J(r); φ: ∇_φ Σ_k w̃_k log q(z_k; φ), w̃ = softmax(r), or log q at samples of the model."""

import math
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from vaerun.config.ranges import between
from vaerun.errors import UserError
from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.objective.iwae import IWAE
from vaerun.posterior.base import Family, Posterior


class ReweightedWakeSleep(Estimator):
    """θ ascends J(r) = log mean_k exp r_k; φ ascends (1 − s) Σ_k sg[w̃_k] log q(z_k; φ) + s log q(z'; f_λ(x')).

    w̃ = softmax(r) are the normalised importance weights, and (z', x') ~ p_θ is one sample of the model per data point.
    φ minimises KL(p(z given x) ‖ q), at data points x in the wake phase and at samples x' of the model in the sleep
    phase, instead of maximising J. So it needs no gradient through z, and it improves with K. The gradient in φ is not
    that of J; as a gradient of the KL, its bias is O(1/K), from the normalisation of w̃.

    Args:
        guide: x ↦ q(z; f_λ(x)); None without an encoder.
        sleep: s, in [0, 1].

    Raises:
        UserError: s is outside [0, 1], or above 0 without an encoder.

    Reference: Bornschein, Bengio 2015, Reweighted wake-sleep; Le et al. 2019, Revisiting reweighted wake-sleep for
    models with stochastic control flow.
    """

    serves: ClassVar = (IWAE,)
    unbiased: ClassVar[bool] = False
    min_samples: ClassVar[int] = 2  # at K = 1 the weight is always 1, and φ is not trained

    def __init__(self, *, guide: Callable[[Tensor], Posterior] | None = None, sleep: float = 0.0) -> None:
        super().__init__()
        between("estimator.sleep", sleep, 0, 1)
        if sleep > 0 and guide is None:
            raise UserError(
                f"estimator.sleep must be 0 without an encoder, got {sleep}: the sleep phase trains an encoder on "
                f"samples of the model, so use strategy=amortized or estimator.sleep=0."
            )
        self.guide = (guide,)  # in a tuple, so that an encoder that is a module is not registered a second time
        self.sleep = sleep

    def decodes(self, num_samples: int, family: Family) -> int:
        return num_samples + (self.sleep > 0)  # and one for the sample of the sleep phase

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:
        z = q.sample(objective.num_samples)
        log_q = q.log_prob(z)
        terms = evaluate(model, x, z, log_q.detach())
        r = objective.reward(terms)
        value = objective(r)
        surrogate = value + (1 - self.sleep) * (objective.score_weight(r.detach()) * log_q).sum(0)
        if self.sleep > 0:
            surrogate = surrogate + self.sleep * self.sleep_log_q(model, x)
        return estimate(value, surrogate, terms)

    def sleep_log_q(self, model: Model, x: Tensor) -> Tensor:
        """log q(z'; f_λ(x')) at a sample (z', x') ~ p_θ for each point, at its c, Float[Tensor, "B"].

        x' is drawn with the covariates of its point, such as its total, because the encoder sees only such points.
        Where values of a point are missing, they are removed from its x', too, so that the encoder is trained on the
        masks of the data.
        """
        (guide,) = self.guide
        assert guide is not None
        given = model.given(x)
        z = model.sample_prior(len(x), given).unsqueeze(0)
        sampled = model.observe_like(x, z)[0]
        if model.missing:
            sampled = sampled.masked_fill(model.values(x).isnan(), math.nan)
        return guide(model.row(sampled, given)).log_prob(z)[0]
