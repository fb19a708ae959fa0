"""p(x given z) = Π_j p_j(x_j given outputs_j): each column has the likelihood of its type."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, final

import torch
from torch import Tensor

from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.column_types import BinaryColumns, CategoricalColumns, CountColumns, NormalColumns
from vaerun.nn.units import Units
from vaerun.notation import Column


@final
class MixedLikelihood(Likelihood):
    """p(x given z) = Π_j p_j(x_j given outputs_j), where p_j follows from the type of column j.

    =========== ============================================================= =======
    type        p_j                                                           outputs
    =========== ============================================================= =======
    real        normal, with one learned σ_j in standardised units            1
    positive    log-normal, with one learned σ_j in standardised units of log x  1
    count       negative binomial of mean exp(output), with one learned r_j   1
    binary      Bernoulli(σ(output))                                          1
    categorical softmax over the L_j categories                               L_j
    =========== ============================================================= =======

    log p is in nats of the data as given: real and positive columns add log |∂y_j/∂x_j| of their standardised value y_j
    (``vaerun.nn.units``). The terms of real and positive columns are log densities, those of the others log
    probabilities. A missing value (nan) has the term nan, and its gradients are 0.

    Args:
        data_dim: X.
        data_std: the standard deviation of every column, if the data declare no columns.
        columns: those of x; without any, all are real.

    Reference: Nazabal, Olmos, Ghahramani, Valera 2020, Handling incomplete heterogeneous data using VAEs, §3
    (likelihoods by type; there counts are Poisson, which is r → ∞).
    """

    data_support: ClassVar[str] = "mixed"
    normalized: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = ("real", "positive", "count", "binary", "categorical")
    filler: Tensor
    order: Tensor

    def __init__(self, *, data_dim: int, data_std: float, columns: Sequence[Column] = ()) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std)
        if not columns:
            columns = [Column(str(j), std=data_std, standardised=True) for j in range(data_dim)]
        self.units = Units(columns)
        sizes = [len(c.shares) if c.kind == "categorical" else 1 for c in columns]
        self.sizes = {j: len(c.shares) for j, c in enumerate(columns) if c.kind == "categorical"}
        starts = [sum(sizes[:j]) for j in range(len(sizes))]
        self.total = sum(sizes)
        self.types = torch.nn.ModuleList(
            kind([j for j, c in enumerate(columns) if c.kind in kind.kinds], columns, starts)
            for kind in (NormalColumns, CountColumns, BinaryColumns, CategoricalColumns)
            if any(c.kind in kind.kinds for c in columns)
        )
        places = torch.cat([part.places for part in self.types])  # type: ignore[misc]
        self.register_buffer("order", places.argsort(), persistent=False)
        self.register_buffer("filler", torch.ones(data_dim), persistent=False)

    @property
    def with_noise(self) -> bool:
        return self.units.noise

    @property
    def num_outputs(self) -> int:
        """Σ_j of the outputs of column j, in the order of the columns."""
        return self.total

    @property
    def categories(self) -> Mapping[int, int]:
        return self.sizes

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        outputs = data_mean.new_zeros(self.total)
        for part in self.types:
            outputs[part.slots] = part.initial(self.units(data_mean), data_mean)  # type: ignore[operator, index]
        return outputs

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        missing = x.isnan()
        # A missing value is replaced before anything is computed: 0 · nan in a gradient would be nan.
        x = torch.where(missing, self.filler, x)
        y, volumes = self.units(x), self.units.log_volumes(x)
        terms = self._together(part.terms(x, y, outputs) for part in self.types)  # type: ignore[operator]
        return torch.where(missing, torch.nan, terms + volumes)

    def mean(self, outputs: Tensor) -> Tensor:
        """E[x_j given outputs]; of a categorical column, which has no mean, the code of its likeliest category."""
        return self._together(part.mean(self.units, outputs) for part in self.types)  # type: ignore[operator]

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        return self._together(part.sample(self.units, outputs) for part in self.types)  # type: ignore[operator]

    def _together(self, parts: object) -> Tensor:
        """The values of all types, put into the order of the columns."""
        return torch.cat(tuple(parts), -1).index_select(-1, self.order)  # type: ignore[arg-type]
