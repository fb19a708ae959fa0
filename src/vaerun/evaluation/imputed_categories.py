"""P(x_j = l given x_o) of the coordinates of x that are codes of categories."""

from collections.abc import Iterator, Mapping
from typing import final

import torch
from torch import Tensor

from vaerun.model.base import Model


@final
class CategoryShares:
    """P(x_j = l given x_o) = Σ_k w̃_k P(x_j = l given z_k), w̃ = softmax(r), from samples that come in chunks.

    Args:
        sizes: coordinate j ↦ the number of its categories; the other coordinates are not codes.
        like: Float[Tensor, "B X"].
    """

    def __init__(self, sizes: Mapping[int, int], like: Tensor) -> None:
        self.places = torch.tensor(list(sizes), dtype=torch.long, device=like.device)
        counts = torch.tensor(list(sizes.values()), dtype=torch.long, device=like.device)
        self.filled = torch.ones_like(like)
        self.absent = [code >= counts for code in range(max(sizes.values(), default=0))]  # columns without this code
        self.log_sums = [torch.full_like(like[:, self.places], -torch.inf) for _ in self.absent]

    def add(self, model: Model, given: Tensor | None, z: Tensor, r: Tensor) -> None:
        """Adds samples z, Float[Tensor, "K B D"], with log weights r, Float[Tensor, "K B"], of points at c."""
        for code, terms in enumerate(model.terms_of_each(self._filled(), z, given)):
            here = (terms[..., self.places] + r.unsqueeze(-1)).logsumexp(0).masked_fill(self.absent[code], -torch.inf)
            self.log_sums[code] = torch.logaddexp(self.log_sums[code], here)

    def _filled(self) -> Iterator[Tensor]:
        """x with each code in all its coordinates, and code 0 where a coordinate does not have it."""
        for code, absent in enumerate(self.absent):
            self.filled[:, self.places] = torch.where(absent, 0.0, float(code))
            yield self.filled

    def put_into(self, mean: Tensor, deviation: Tensor) -> None:
        """Writes the likeliest category l of these coordinates, and √(P (1 − P)) with P its probability.

        Args:
            mean: changed, Float[Tensor, "B X"].
            deviation: changed, Float[Tensor, "B X"].
        """
        if self.absent:
            largest, code = torch.stack(self.log_sums).softmax(0).max(0)
            mean[:, self.places] = code.to(mean)
            deviation[:, self.places] = (largest * (1 - largest)).sqrt()
