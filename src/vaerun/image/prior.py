"""x ~ p_θ(x), or p_θ(x given c): samples of the prior, decoded."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.data.condition import Condition
from vaerun.image.base import ImageSource, columns, spread
from vaerun.image.style import ImageStyle
from vaerun.strategy.base import Strategy


@dataclass(frozen=True)
class PriorSamples(ImageSource):
    """z ~ p(z), E[x given z], and x ~ p(x given z); the image shows the means, without the noise of x.

    With a condition z ~ p(z given c) and x ~ p(x given z, c). If c is the class of a point, the image has one row for
    each class.

    Args:
        z: Float[Tensor, "n D"].
        mean: Float[Tensor, "n X"].
        x: Float[Tensor, "n X"].
        given: c of each sample, Float[Tensor, "n C"]; None without a condition.
    """

    z: Tensor
    mean: Tensor
    x: Tensor
    given: Tensor | None = None

    @classmethod
    @torch.no_grad()
    def of(cls, strategy: Strategy, n: int, given: Tensor | None = None) -> "PriorSamples":
        """n samples; with a condition those of c, Float[Tensor, "n C"]."""
        model = strategy.bound.model
        z = model.sample_prior(n, given)
        return cls(z, model.mean(z, given), model.observe(z, given), given)

    def image(self, style: ImageStyle) -> np.ndarray:
        return style.grid(self.mean, equal_columns(self.given) or columns(len(self.mean)))


def conditions(data: Dataset, n: int) -> Tensor | None:
    """c of about n samples that show what c does, Float[Tensor, "n C"]; None without a condition.

    If c is the class of a point, equally many of every class, class by class; otherwise c of n evenly spaced validation
    points.
    """
    if data.valid.given is None:
        return None
    condition = Condition(data.given, data.covariates)
    if condition.classes:
        return condition.each_class(-(-n // len(condition.classes))).to(data.valid.given)
    return data.valid.given[spread(data, n)]


def equal_columns(given: Tensor | None) -> int:
    """The samples of each c, if they come one c after the other and there are several c; otherwise 0."""
    if given is None:
        return 0
    counts = given.unique_consecutive(dim=0, return_counts=True)[1]
    return int(counts[0]) if len(counts) > 1 and bool((counts == counts[0]).all()) and int(counts[0]) > 1 else 0
