"""z = μ + σ T(ε; c): iaf and spline, whose layers zuko builds."""

import builtins
from typing import Any

import pytest
import torch
from torch.func import jacrev

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.posterior.iaf import IAF
from vaerun.posterior.shared_flow import SharedFlowFamily
from vaerun.posterior.spline import Spline

pytestmark = pytest.mark.usefixtures("exact")

FLOWS = ("iaf", "spline")


def moved(name: str, latent_dim: int, **keys: Any) -> SharedFlowFamily:
    family: SharedFlowFamily = make(node(f"posterior/{name}", **keys), {"latent_dim": latent_dim})
    with torch.no_grad():
        for weight in family.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return family


@pytest.mark.parametrize("transforms", [1, 2, 3])
@pytest.mark.parametrize("name", FLOWS)
def test_its_density_is_that_of_the_noise_over_the_determinant(name: str, transforms: int) -> None:
    family = moved(name, 3, transforms=transforms)
    assert family.num_parameters == 6 + 16
    q = family(torch.randn(1, 22))
    noise = torch.randn(4, 1, 3)
    z, log_q = q.transport(noise)
    for k in range(4):
        jacobian = jacrev(lambda e: q.transport(e.reshape(1, 1, 3))[0].flatten())(noise[k, 0])
        base = torch.distributions.Normal(0.0, 1.0).log_prob(noise[k, 0]).sum()
        torch.testing.assert_close(log_q[k, 0], base - torch.linalg.slogdet(jacobian).logabsdet)
        if transforms == 1:
            assert not torch.triu(jacobian, 1).any()  # autoregressive from the noise: one pass makes a sample
    torch.testing.assert_close(q.inverse((z - q.mu) / q.log_sigma.exp())[0], noise)


@pytest.mark.parametrize("name", FLOWS)
def test_its_context_moves_it(name: str) -> None:
    family = moved(name, 2)
    phi = torch.zeros(2, family.num_parameters)
    phi[1, 4:] = 1.0
    z, _ = family(phi).transport(torch.ones(1, 2, 2))
    assert (z[:, 0] - z[:, 1]).abs().min() > 1e-3


@pytest.mark.parametrize("name", FLOWS)
def test_one_dimension_is_a_flow_too(name: str) -> None:
    family = moved(name, 1)
    q = family(torch.randn(3, family.num_parameters))
    z, log_q = q.transport(q.noise(4))
    torch.testing.assert_close(q.log_prob(z), log_q)


@pytest.mark.parametrize("name", FLOWS)
def test_other_peoples_distributions_are_checked_as_before(name: str) -> None:
    make(node(f"posterior/{name}"), {"latent_dim": 2})
    with pytest.raises(ValueError, match="scale"):
        torch.distributions.Normal(0.0, -1.0)


@pytest.mark.parametrize("family", [IAF, Spline])
def test_without_zuko_the_sentence_says_how_to_get_it(family: type, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **keys: Any) -> Any:
        if name.partition(".")[0] == "zuko":
            raise ModuleNotFoundError("No module named 'zuko'", name="zuko")
        return real(name, *rest, **keys)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"vaerun\[flows\]"):
        family(latent_dim=2)


@pytest.mark.parametrize(
    ("family", "keys", "sentence"),
    [
        (IAF, {"context": 0}, r"context must be at least 1, got 0"),
        (IAF, {"transforms": 0}, r"transforms must be at least 1, got 0"),
        (Spline, {"hidden": [0]}, r"every size in posterior\.hidden must be at least 1, got \[0\]"),
        (Spline, {"bins": 1}, r"bins must be at least 2, got 1"),
    ],
)
def test_sizes_that_leave_nothing_are_refused(family: type, keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        family(latent_dim=2, **keys)
