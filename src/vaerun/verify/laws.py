"""All laws, and which of them the words of a command line ask about."""

from collections.abc import Iterator

import torch

from vaerun.verify import bound, containment, density, estimator, observation, signal, strategy, variance
from vaerun.verify.claim import Claim
from vaerun.verify.offer import Offer

LAWS = (
    (estimator, 0.6),
    (variance, 0.05),
    (signal, 0.05),
    (bound, 0.05),
    (density, 0.05),
    (containment, 0.05),
    (observation, 0.05),
    (strategy, 0.1),
)
"""Each with its part of the time; its ``CONCERNS`` are the groups it says something about."""

CONCERNS = tuple(dict.fromkeys(group for law, _ in LAWS for group in law.CONCERNS))


def verify(offer: Offer, *, seed: int, device: torch.device, seconds: float) -> Iterator[Claim]:
    """The claims of every law that concerns what was asked for, in float64, with draws that depend on the seed.

    How many replicas are drawn depends on the machine's speed, too: about ``seconds`` are spent in all.
    """
    before, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)  # the problems are small
    try:
        for law, part in LAWS:
            if not offer.chosen or set(offer.chosen) & set(law.CONCERNS):
                torch.manual_seed(seed)
                yield from law.claims(offer, seed=seed, device=device, seconds=part * seconds)
    finally:
        torch.set_default_dtype(before)
        torch.set_num_threads(threads)
