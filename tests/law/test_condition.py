"""log p(x given c): a conditional model is a density of x for every c, and its bounds are bounds on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from tests.problems import node, objective, options
from tests.runs import train
from vaerun.bound.bound import Bound
from vaerun.bound.monte_carlo import ELBO
from vaerun.errors import UserError
from vaerun.exact.expectation import Space, log_evidence, space
from vaerun.experiment.load import load
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.model.linear_gaussian import LinearGaussian

X, NAMES = 3, ("y=0", "y=1")
KINDS = {
    "decoder": ("vae", {"prior": "standard_normal"}, {}),
    "prior": ("vae", {"prior": "conditional_normal"}, {"decoder_reads_given": False}),
    "both": ("vae", {"prior": "conditional_normal"}, {}),
    "bits": ("vae", {"prior": "bernoulli"}, {}),
    "belief": ("sigmoid_belief", {}, {"layers": [2, 1]}),
    "layers": ("hierarchical", {}, {"layers": [1, 1], "hidden": [3]}),
}


def one_hot(*places: int) -> Tensor:
    """c of these classes, in the type of the test."""
    return torch.eye(2)[list(places)]


def facts(names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    mean = torch.linspace(0.3, 0.6, X)
    return {"latent_dim": 2, "data_dim": X, "data_mean": mean, "data_std": 1.0, "given_names": names,
            "given_dim": len(names)}  # fmt: skip


def model_of(kind: str, names: tuple[str, ...] = NAMES) -> Model:
    name, nested, keys = KINDS[kind]
    chosen = node(f"model/{name}", nested, **({"latent_dim": 2} if name == "vae" else {}), **keys)
    chosen["decoder"] = {**chosen["decoder"], "hidden": [4], "activation": "tanh"}
    model: Model = make(chosen, facts(names))
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(0.7 * torch.randn_like(weight))
        for weight in model.prior.parameters():
            weight.mul_(0.4)  # so that the grid of z is wide enough
    return model


def every_x(given: Tensor) -> Tensor:
    """All x of three bits at one c, Float[Tensor, "8 X+C"]."""
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * X)
    return torch.cat((x, given.expand(len(x), -1)), 1)


def every_z(model: Model) -> Space:
    return space(model.prior.support, model.latent_dim, width=16.0, cell=0.2)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("kind", KINDS)
def test_it_sums_to_one_over_x_for_every_c_and_c_counts(kind: str) -> None:
    model = model_of(kind)
    each = [log_evidence(model, every_x(c), every_z(model)).exp() for c in one_hot(0, 1)]
    for p in each:
        assert float(p.detach().sum()) == pytest.approx(1, abs=1e-9)
    assert float((each[0] - each[1]).detach().abs().max()) > 0.01
    assert model.target == "x given y"


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_those_of_their_c(kind: str) -> None:
    model, n = model_of(kind), 20_000
    p = log_evidence(model, every_x(one_hot(1)), every_z(model)).exp().detach()
    drawn = model.sample(n, one_hot(1).expand(n, -1))
    share = torch.bincount((drawn @ torch.tensor([4.0, 2.0, 1.0])).long(), minlength=8) / n
    assert ((share - p).abs() < 5 * (p * (1 - p) / n).sqrt()).all()


@pytest.mark.usefixtures("exact")
def test_the_bound_at_the_exact_posterior_is_log_p_of_x_given_c() -> None:
    model: LinearGaussian = make(node("model/linear_gaussian", latent_dim=2), facts())
    with torch.no_grad():
        model.W.normal_()
        model.V.normal_()
    c = one_hot(0, 1, 1, 0, 1)
    x = model.row(model.sample(5, c), c)
    mean, covariance = model.exact_posterior(x)
    q = MultivariateNormal(mean, covariance)
    z = q.sample((7,))
    wanted = MultivariateNormal(
        model.mu + c @ model.V.T, model.W @ model.W.T + (2 * model.log_sigma()).exp() * torch.eye(X)
    ).log_prob(model.values(x))
    torch.testing.assert_close(model.exact_log_prob(x), wanted)
    torch.testing.assert_close(model.log_joint(x, z) - q.log_prob(z), wanted.expand(7, -1))


@pytest.mark.usefixtures("exact")
def test_with_one_c_for_all_points_it_is_an_unconditional_model() -> None:
    conditional, plain = model_of("decoder"), model_of("decoder", ())
    first, others = conditional.decoder.layers[0], plain.decoder.layers
    with torch.no_grad():
        others[0].weight.copy_(first.weight[:, :2])
        others[0].bias.copy_(first.bias + first.weight[:, 3])
        others[2].load_state_dict(conditional.decoder.layers[2].state_dict())
    x, z = every_x(one_hot(1)), torch.randn(4, 8, 2)
    torch.testing.assert_close(conditional.log_joint(x, z), plain.log_joint(x[:, :X], z))


def test_a_bound_is_named_by_what_it_bounds_and_c_is_asked_for() -> None:
    model = model_of("both")
    family = make(node("posterior/gaussian"), facts())
    estimator = make(node("estimator/reparam"), {})
    bound = Bound(model=model, family=family, objective=objective("elbo", 1), estimator=estimator)
    assert "log p(x given y)" in bound.metric(ELBO).meaning
    with pytest.raises(UserError, match="needs the 2 numbers y=0, y=1 of every point, got nothing"):
        model.sample(3)


@pytest.mark.slow
@pytest.mark.parametrize("name", options("strategy"))
def test_every_strategy_uses_the_condition(name: str, tmp_path: Path) -> None:
    words = (f"strategy={name}", "optimizer.learning_rate=0.01", "trainer.epochs=4")
    keys = node(f"strategy/{name}")
    few = {"test_steps": 20, "max_inner": 4, "window": 2}
    words += tuple(f"strategy.{key}={value}" for key, value in few.items() if key in keys)
    plain, conditional = (
        train(tmp_path / name, *words, *more)["metrics"]
        for name, more in (("plain", ()), ("y", ("data.condition=y", "model/prior=conditional_normal")))
    )
    error = np.hypot(plain["elbo_se/test"], conditional["elbo_se/test"])
    assert conditional["elbo/test"] > plain["elbo/test"] - 2 * error
    run = load(tmp_path / "y")
    x, y = run.data.test.values(), run.data.test.labels
    right, wrong = (
        float(run.elbo(x[:100], 20, condition={"y": labels[:100]}).values.mean()) for labels in (y, (y + 1) % 10)
    )
    assert right > wrong + 0.5


@pytest.mark.slow
def test_a_run_takes_its_condition(tmp_path: Path) -> None:
    train(tmp_path / "r", "data.condition=y", "amortizer.reads_given=false")
    run = load(tmp_path / "r")
    x = run.data.valid.values(slice(5))
    assert run.sample(3, condition={"y": 3}).shape == (3, 8, 8)
    assert run.reconstruct(x, condition={"y": [1, 2, 3, 4, 5]}).shape == (5, 8, 8)
    z = torch.randn(2, 4, 3)
    decoded = run.decode(z, condition={"y": "0"})
    assert decoded.shape == (2, 4, 8, 8)
    torch.testing.assert_close(run.decode(z[1, 2], condition={"y": "0"}), decoded[1, 2])
    one, other = (run.encode(x, condition={"y": c}) for c in (1, 2))
    assert torch.equal(one, other)  # the encoder does not read y
    assert not torch.equal(*(run.decode(one, condition={"y": c}) for c in (1, 2)))
    with pytest.raises(UserError, match="no value is given for y"):
        run.infer(x)
    with pytest.raises(UserError, match="y=12 is not a class"):
        run.sample(2, condition={"y": 12})
