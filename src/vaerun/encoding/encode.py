"""x_i ↦ E_q[z], the standard deviation of q, samples of q and the ELBO of every point, in the order of the source."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from vaerun.bound.monte_carlo import ELBO, log_weights
from vaerun.data.base import Dataset, SplitName
from vaerun.posterior.moments import mean_and_std
from vaerun.strategy.base import Strategy

POINTS = 512  # of a part: memory does not grow with the number of points
NUMBERS = 2**22  # samples of z of a part, at most

Part = Mapping[str, np.ndarray]
"""Some rows of the table: an array [B] or [B, …] by column."""


class Places:
    """The points of some splits in the order of their source; in the order of the splits if that is not known.

    Args:
        data: the data set.
        splits: names of its splits.

    Attributes:
        splits: the names.
        split: the place in ``splits`` of the split of each point, Int[Tensor, "N"].
        index: its index in the split, Int[Tensor, "N"].
        row: its row in the source, or its index in the split if that is not known, Int[Tensor, "N"].
        label: its class, -1 where it is not known, Int[Tensor, "N"]; None if no split has labels.
        order: its place among the points of the splits one after the other, Int[Tensor, "N"].
    """

    def __init__(self, data: Dataset, splits: Sequence[SplitName]) -> None:
        parts = [data.split(name) for name in splits]
        self.splits = tuple(splits)
        split = torch.cat([torch.full((len(part),), place) for place, part in enumerate(parts)])
        index = torch.cat([torch.arange(len(part)) for part in parts])
        known = [part.source_rows for part in parts if part.source_rows is not None]
        row = torch.cat([rows.cpu() for rows in known]) if len(known) == len(parts) else index
        labels = [torch.full((len(part),), -1) if part.labels is None else part.labels.cpu().long() for part in parts]
        order = row.argsort(stable=True) if len(known) == len(parts) else torch.arange(len(row))
        self.order, self.split, self.index, self.row = order, split[order], index[order], row[order]
        self.label = torch.cat(labels)[order] if any(part.labels is not None for part in parts) else None

    def __len__(self) -> int:
        return len(self.row)


@torch.no_grad()
def encode(
    strategy: Strategy, data: Dataset, places: Places, *, samples: int = 0, num_samples: int = 100
) -> Iterator[Part]:
    """The table in parts of at most 512 rows; random numbers come from torch's global generator.

    index: the row of the point in its source, from 0, or its index in the split. name: the name of that row, if the
    source has names. split. label: its class, if the data have labels. mean: E_q[z], [B, D]. scale: the standard
    deviation of every z_d under q, [B, D]. elbo, elbo_se: the ELBO of the point in nats and the standard error of its
    average over samples; pseudo_elbo if the likelihood is not a density. samples: z ~ q, [B, S, D].

    φ is that of ``strategy.infer``: a per-point strategy has stored that of its training points, and the solver finds
    that of the others. A mean or standard deviation without a closed form is that of 256 samples.

    Args:
        strategy: of a trained run.
        data: the data set.
        places: the points of it.
        samples: S; 0 for none.
        num_samples: K of the ELBO, 2 or more; 0 leaves it out.
    """
    device = data.train.x.device
    texts = Texts(data, places)
    size = max(1, min(POINTS, NUMBERS // max(1, samples * strategy.bound.family.latent_dim)))
    for start in range(0, len(places), size):
        own = slice(start, start + size)
        part: dict[str, np.ndarray] = {"index": places.row[own].numpy(), **texts.at(own)}
        found: dict[str, Tensor] = {}
        for place in places.split[own].unique().tolist():
            at = (places.split[own] == place).nonzero().squeeze(1)
            name: SplitName = places.splits[place]
            index = places.index[own][at].to(device)
            x = data.split(name).points(index)
            for column, value in columns(strategy, x, index, name, samples, num_samples).items():
                whole = found.setdefault(column, value.new_empty(len(places.row[own]), *value.shape[1:]).cpu())
                whole[at] = value.cpu()
        yield part | {column: value.numpy() for column, value in found.items()}


def columns(
    strategy: Strategy, x: Tensor, index: Tensor, split: str, samples: int, num_samples: int
) -> dict[str, Tensor]:
    """mean, scale, the ELBO with its error, and samples of the points x of one split, each [B, …]."""
    phi = strategy.infer(x, index, split).phi
    q = strategy.bound.family(phi)
    mean, scale = mean_and_std(q)
    found = {"mean": mean, "scale": scale}
    if num_samples:
        r = log_weights(strategy.bound, x, phi, num_samples)
        elbo = strategy.bound.metric(ELBO)
        found |= {elbo.name: r.mean(0), elbo.error().name: r.std(0) / num_samples**0.5}
    if samples:
        found["samples"] = q.sample(samples).transpose(0, 1)
    return found


class Texts:
    """The columns of text: name, split and label of a row; labels without names are numbers.

    Args:
        data: the data set.
        places: the points of it.
    """

    def __init__(self, data: Dataset, places: Places) -> None:
        self.places = places
        self.splits = np.array(places.splits)
        self.names = np.array(data.names) if data.names else None
        self.labels = np.array([*data.labels, ""]) if data.labels else None  # the last for -1, an unknown class

    def at(self, own: slice) -> dict[str, np.ndarray]:
        """Those of some rows, each [B]."""
        found: dict[str, np.ndarray] = {}
        if self.names is not None:
            found["name"] = self.names[self.places.row[own].numpy()]
        found["split"] = self.splits[self.places.split[own].numpy()]
        if self.places.label is not None:
            label = self.places.label[own].numpy()
            found["label"] = label if self.labels is None else self.labels[label]
        return found
