"""All checks, and the choice of those that a command line needs."""

from collections.abc import Iterator

import torch

from vaerun.verify import bound, containment, density, estimator, observation, signal, strategy, variance
from vaerun.verify.claim import Claim
from vaerun.verify.offer import Offer

LAWS = (estimator, variance, signal, bound, density, containment, observation, strategy)
"""The ``CONCERNS`` of a check are the groups that it makes claims about."""

CONCERNS = tuple(dict.fromkeys(group for law in LAWS for group in law.CONCERNS))


def verify(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """All claims about the given options, in float64. The random numbers depend only on the seed."""
    before, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)  # the problems are small
    try:
        for law in LAWS:
            if not offer.chosen or set(offer.chosen) & set(law.CONCERNS):
                torch.manual_seed(seed)
                yield from law.claims(offer, seed=seed, device=device)
    finally:
        torch.set_default_dtype(before)
        torch.set_num_threads(threads)
