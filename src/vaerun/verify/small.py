"""Small test problems: one x of a few bits, a VAE with a linear decoder and random weights, and a q."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaerun.config.check.parts import Part
from vaerun.errors import UserError
from vaerun.estimator.base import Estimator
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.model.prior.base import Prior
from vaerun.objective.base import Objective
from vaerun.posterior.base import Enumerable, Family, Posterior
from vaerun.verify.offer import Offer

CLASSES = ("y=0", "y=1")  # the condition of a problem whose prior needs one
LARGEST = 12  # the largest D that is tried


class Setting(NamedTuple):
    """The settings of a problem besides its choices."""

    k: int
    beta: float
    steep: bool = False  # rewards vary by tens of nats instead of tenths
    coordinates: int = 1  # minimum number of values of z


class Problem(NamedTuple):
    """An estimator with its inputs: model, q, objective and x."""

    estimator: Estimator
    family: Family
    model: Model
    objective: Objective
    x: Tensor  # Float[Tensor, "1 X"]
    phi: Tensor  # Float[Tensor, "1 P"]
    beta: float

    def q(self, phi: Tensor) -> Posterior:
        """q(z; φ)."""
        posterior: Posterior = self.family(phi)
        return posterior

    @property
    def shared(self) -> list[Tensor]:
        """θ, and the weights of the family if it has any."""
        return [*self.model.parameters(), *self.family.parameters()]


def make_problem(
    offer: Offer, parts: Mapping[str, Part], setting: Setting, *, seed: int, device: torch.device, values: int = 4
) -> Problem:
    """The problem of these parts, with the smallest D for which z has at least ``values`` values.

    A linear decoder keeps log p(x given z) analytic far from the real axis, so sums over a grid converge geometrically.

    Raises:
        UserError: no D up to the limit works.
    """
    torch.manual_seed(seed)
    data_dim = 6 if setting.steep else 3
    given = CLASSES if conditional(parts) else ()
    facts: dict[str, Any] = {
        "data_dim": data_dim,
        "data_mean": torch.linspace(0.3, 0.6, data_dim),
        "data_std": 1.0,
        "data_shape": (data_dim,),
        "guide": None,
        "given_dim": len(given),
        "given_names": given,
    }
    weighted = "kl_weight" in parts["objective"].info.parameters
    constant = {"_target_": "vaerun.schedule.constant.Constant", "constant": setting.beta}
    changes = {"num_samples": setting.k, **({"kl_weight": constant} if weighted else {})}
    refusal: UserError | None = None
    for latent_dim in range(setting.coordinates, LARGEST + 1):
        facts["latent_dim"] = latent_dim
        config = offer.configuration(parts, objective=changes, model={"latent_dim": latent_dim})
        try:
            family, model = (
                make(config["posterior"], facts, group="posterior"),
                make(config["model"], facts, group="model"),
            )
        except UserError as error:
            refusal = refusal or error
            continue
        q = family(family.initial().unsqueeze(0))
        if isinstance(q, Enumerable) and q.support_size < values:
            continue
        estimator, objective = (
            make(config["estimator"], facts, group="estimator"),
            make(config["objective"], facts, group="objective"),
        )
        randomize(model, 3.0 if setting.steep else 0.8)
        for module in (family, estimator):
            perturb(module)
        phi = family.initial() + 1.2 * torch.rand(family.num_parameters) - 0.6
        x = (torch.arange(data_dim + len(given)) % 3 != 1).to(phi.dtype)  # c, too, is one-hot
        return Problem(
            estimator=estimator.to(device),
            family=family.to(device),
            model=model.to(device),
            objective=objective.to(device),
            x=x.unsqueeze(0).to(device),
            phi=phi.unsqueeze(0).to(device),
            beta=setting.beta if weighted else 1.0,
        )
    raise refusal or UserError(f"these choices have no problem with {LARGEST} coordinates or fewer.")


def conditional(parts: Mapping[str, Part]) -> bool:
    """Whether the prior of a problem is p(z given c)."""
    prior = parts.get("model/prior")
    return prior is not None and f"{Prior.__module__}.{Prior.__qualname__}" not in prior.info.ancestry


@torch.no_grad()
def randomize(module: torch.nn.Module, size: float) -> None:
    """Draws random weights."""
    for weight in module.parameters():
        weight.copy_(size * torch.randn_like(weight))


@torch.no_grad()
def perturb(module: torch.nn.Module) -> None:
    """Adds noise to the initial weights, which may be a point of symmetry; outputs change by tenths."""
    for weight in module.parameters():
        inputs = weight.shape[-1] if weight.dim() > 1 else 1
        weight.add_(0.3 * inputs**-0.5 * torch.randn_like(weight))
