"""max_φ L(x; θ, φ) = log p(x) for every family that declares that it contains p(z given x)."""

from collections.abc import Iterator
from typing import Any

import torch

from vaerun.errors import UserError
from vaerun.exact.expectation import Space, log_evidence, space
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.posterior.base import Family
from vaerun.verify.claim import Claim, left_out, raised, within
from vaerun.verify.offer import Offer
from vaerun.verify.small import Setting, make_problem, perturb

CONCERNS = ("posterior",)
REACHED = 1e-5  # nats
STEPS = 400  # of L-BFGS
SIGMA = 0.7


def claims(offer: Offer, *, seed: int, device: torch.device) -> Iterator[Claim]:
    """Claims of every given posterior that declares ``contains_posterior``."""
    choices = {"objective": "elbo", "estimator": "score", "estimator/baseline": "none"}
    for name in offer.names("posterior"):
        declared = offer.catalogue.groups["posterior"][name].info
        parts = offer.parts({**choices, "posterior": name})
        if parts is None or declared is None or declared.attributes.get("contains_posterior") is not True:
            continue
        model: Model
        torch.manual_seed(seed)
        try:
            if declared.attributes.get("support") == "real":
                where, model, over = "linear_gaussian, D=2", correlated(), space("real", 2, width=8.0, cell=0.1)
                family = make(offer.configuration(parts)["posterior"], {"latent_dim": 2}, group="posterior")
                x = torch.tensor([[1.0, -0.5, 0.3]])
            else:
                where, problem = (
                    "two bits",
                    make_problem(offer, parts, Setting(1, 1.0, coordinates=2), seed=seed, device=device),
                )
                family, model, x = problem.family, problem.model, problem.x
                over = space("binary", family.latent_dim)
            gap = loss(family.to(device), model.to(device), x.to(device), Space(*(t.to(device) for t in over)))
        except UserError as refusal:
            yield left_out(name, "", refusal)
            continue
        except Exception as error:
            yield raised(name, "", error)
            continue
        yield within(name, where, "reaches log p(x)", error=abs(gap), allowed=REACHED, measured=f"{gap:.1e} nats below")


def correlated() -> LinearGaussian:
    """A linear-Gaussian model whose latents are strongly correlated given x."""
    facts: dict[str, Any] = {"latent_dim": 2, "data_mean": torch.zeros(3), "data_std": SIGMA}
    model = LinearGaussian(**facts)
    with torch.no_grad():
        model.W.copy_(model.W.new_tensor([[1.0, 0.8], [0.2, 0.9], [-0.5, 0.4]]))
    return model


def loss(family: Family, model: Model, x: torch.Tensor, over: Space) -> float:
    """log p(x) − max_φ Σ_z q (log p(x, z) − log q), in nats; shared weights of q are optimised, too."""
    with torch.no_grad():
        log_p = float(log_evidence(model, x, over))
        log_joint, log_volume = model.log_joint(x, over.z)[:, 0], over.volume[:, 0].log()
    perturb(family)
    start = family.initial().to(x.device).unsqueeze(0)
    phi = (start + 0.1 * torch.randn_like(start)).requires_grad_()
    weights = [phi, *family.parameters()]
    optimizer = torch.optim.LBFGS(weights, max_iter=STEPS, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def bound() -> torch.Tensor:
        # q is normalised over the grid points; it is then a distribution on them, and its bound cannot exceed log p(x).
        log_share = (family(phi).log_prob(over.z)[:, 0] + log_volume).log_softmax(0)
        return (log_share.exp() * (log_joint + log_volume - log_share)).sum()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = -bound()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(closure)
    return log_p - float(bound().detach())
