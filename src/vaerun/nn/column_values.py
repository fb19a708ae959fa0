"""The columns of x ↦ what a network reads: standardised numbers, and one-hot vectors of categories."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from vaerun.notation import Column


@final
class ColumnValues(nn.Module):
    """x ↦ ((t_j(x_j) − m_j)/4s_j of every number, one-hot(x_j) of every category), Float[Tensor, "B V"].

    t is the logarithm of a positive column, log(1 + x) of a count, and the identity of other numbers; m and s are the
    mean and the standard deviation of t(x) over the training points. A missing number stays nan; of a missing category
    all values of its one-hot vector are 0.

    Args:
        columns: those of x.

    Reference: Nazabal, Olmos, Ghahramani, Valera 2020, Handling incomplete heterogeneous data using VAEs, §3 and
    appendix (one-hot categories, normalised inputs).
    """

    mean: Tensor
    spread: Tensor
    logs: Tensor  # which numbers enter by their logarithm
    shift: Tensor  # what is added before
    numbers: Tensor
    places: Tensor
    codes: Tensor

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        numbers = [j for j, c in enumerate(columns) if c.kind != "categorical"]
        own = [columns[j] for j in numbers]
        one_hot = [(j, code) for j, c in enumerate(columns) if c.kind == "categorical" for code in range(len(c.shares))]
        buffers = {
            "numbers": torch.tensor(numbers, dtype=torch.long),
            "mean": torch.tensor([c.mean for c in own]),
            "spread": torch.tensor([4 * c.std for c in own]),
            "logs": torch.tensor([c.kind in ("positive", "count") for c in own], dtype=torch.bool),
            "shift": torch.tensor([float(c.kind == "count") for c in own]),
            "places": torch.tensor([j for j, _ in one_hot], dtype=torch.long),
            "codes": torch.tensor([float(code) for _, code in one_hot]),
        }
        for name, values in buffers.items():
            self.register_buffer(name, values, persistent=False)
        self.dim = len(numbers) + len(one_hot)

    def forward(self, x: Tensor) -> Tensor:
        """Float[Tensor, "B X"] ↦ Float[Tensor, "B V"]."""
        numbers = x.index_select(1, self.numbers)
        amounts = torch.where(self.logs, numbers + self.shift, 1.0).clamp(min=torch.finfo(x.dtype).tiny)
        read = (torch.where(self.logs, amounts.log(), numbers) - self.mean) / self.spread
        if not len(self.codes):
            return read
        return torch.cat((read, (x.index_select(1, self.places) == self.codes).to(x.dtype)), 1)
