"""The fraction of points whose label is that of their nearest neighbours in z."""

import torch
from torch import Tensor

from vaerun.execution.memory import rows_at_once
from vaerun.metric.metric import Metric

NEIGHBOURS = 10
LABEL_ACCURACY = Metric(
    "label_accuracy",
    f"not a bound: fraction of points with the label of most of their {NEIGHBOURS} nearest neighbours in E_q[z]",
)


def neighbour_agreement(z: Tensor, labels: Tensor) -> Tensor:
    """1 where a point has the label of most of its 10 nearest other points, else 0, Float[Tensor, "N"].

    If several labels are equally frequent, the smallest counts. Distances are Euclidean.

    Args:
        z: Float[Tensor, "N D"].
        labels: 0 or larger, Int[Tensor, "N"].

    Reference: Cover, Hart 1967, Nearest neighbor pattern classification.
    """
    found = []
    k, size = min(NEIGHBOURS, len(z) - 1), max(1, rows_at_once(z) * z.shape[1] // len(z))
    for rows in torch.arange(len(z), device=z.device).split(size):
        distance = torch.cdist(z[rows], z)
        distance[torch.arange(len(rows), device=z.device), rows] = torch.inf
        near = labels[distance.topk(k, largest=False).indices]
        votes = torch.nn.functional.one_hot(near, int(labels.max()) + 1).sum(1)
        found.append(votes.argmax(1) == labels[rows])
    return torch.cat(found).to(z.dtype)
