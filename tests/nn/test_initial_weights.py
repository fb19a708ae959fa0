"""W and b before the first step: the variance that a choice promises, and the biases that a network sets afterwards."""

import pytest
import torch
from torch import nn

from tests.problems import class_of, node, options
from vaerun.experiment.make import make
from vaerun.model.sigmoid_belief import BeliefPrior
from vaerun.nn.initial_weights.base import InitialWeights
from vaerun.nn.network import mlp

pytestmark = pytest.mark.usefixtures("exact")

GROUPS = ("amortizer", "model", "model/decoder", "posterior")
VARIANCE = {"pytorch": lambda i, o: 1 / (3 * i), "glorot": lambda i, o: 2 / (i + o), "he": lambda i, o: 2 / i}
KURTOSIS = {"pytorch": 9 / 5, "glorot": 9 / 5, "he": 3.0}  # of a uniform and of a normal distribution
MEAN = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)


def weights(option: str) -> InitialWeights:
    return make(node(f"amortizer/initial_weights/{option}"), {})


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_the_same_options(group: str) -> None:
    assert options(f"{group}/initial_weights") == sorted(VARIANCE)
    for option in VARIANCE:
        assert class_of(f"{group}/initial_weights/{option}") is type(weights(option))


@pytest.mark.parametrize("option", VARIANCE)
@pytest.mark.parametrize(("fan_in", "fan_out"), [(300, 400), (500, 100)])
def test_the_weights_have_their_variance_and_their_shape(option: str, fan_in: int, fan_out: int) -> None:
    layer = mlp([fan_in, fan_out], "tanh", weights(option))[0]
    assert isinstance(layer, nn.Linear)
    variance, kurtosis = VARIANCE[option](fan_in, fan_out), KURTOSIS[option]
    found = layer.weight.detach()
    error = variance * ((kurtosis - 1) / found.numel()) ** 0.5
    assert float(found.square().mean()) == pytest.approx(variance, abs=5 * error)
    assert float(found.mean()) == pytest.approx(0, abs=5 * (variance / found.numel()) ** 0.5)
    assert float(found.pow(4).mean()) / variance**2 == pytest.approx(kurtosis, abs=0.25)
    if kurtosis < 3:
        limit = (3 * variance) ** 0.5
        assert 0.999 * limit < float(found.abs().max()) <= limit
    assert bool(layer.bias.any()) == (option == "pytorch")


def test_by_default_a_network_is_as_pytorch_makes_it() -> None:
    torch.manual_seed(3)
    network = mlp([4, 3, 2], "tanh")
    torch.manual_seed(3)
    peers = [nn.Linear(4, 3), nn.Linear(3, 2)]
    for layer, peer in zip((network[0], network[2]), peers, strict=True):
        assert torch.equal(layer.weight, peer.weight)
        assert torch.equal(layer.bias, peer.bias)


@pytest.mark.parametrize("option", VARIANCE)
def test_the_last_biases_are_the_log_odds_of_the_data_and_the_first_phi(option: str) -> None:
    facts = {"data_dim": 3, "data_mean": MEAN, "data_std": 0.4, "latent_dim": 2}
    vae = node("model/vae", latent_dim=2)
    vae["decoder"]["initial_weights"] = node(f"model/decoder/initial_weights/{option}")
    bias = make(vae, facts).decoder.layers[-1].bias
    torch.testing.assert_close(bias.detach(), (MEAN / (1 - MEAN)).log())
    initial = torch.arange(4.0)
    encoder = node("amortizer/mlp", {"initial_weights": option})
    assert torch.equal(make(encoder, facts | {"num_parameters": 4, "initial": initial}).layers[-1].bias, initial)


def test_glorot_reaches_every_affine_map_of_a_hierarchical_model() -> None:
    facts = {"data_dim": 3, "data_mean": MEAN, "data_std": 0.4, "latent_dim": None}
    chosen = node("model/hierarchical", {"initial_weights": "glorot"}, layers=[2, 1], hidden=[5], bias_from_data=False)
    chosen["decoder"]["initial_weights"] = node("model/decoder/initial_weights/glorot")
    layers = [layer for layer in make(chosen, facts).modules() if isinstance(layer, nn.Linear)]
    assert len(layers) == 4
    assert all(not layer.bias.any() for layer in layers)


@pytest.mark.parametrize("option", VARIANCE)
def test_the_maps_between_layers_of_bits_have_them(option: str) -> None:
    prior = make(node("model/prior/bernoulli"), {"latent_dim": 400})
    (layer,) = BeliefPrior(top=prior, layers=[300, 400], initial_weights=weights(option)).maps
    variance = VARIANCE[option](400, 300)
    error = variance * ((KURTOSIS[option] - 1) / layer.weight.numel()) ** 0.5
    assert float(layer.weight.detach().square().mean()) == pytest.approx(variance, abs=5 * error)
