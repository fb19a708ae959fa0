"""Every optimiser of vaerun takes the steps of torch's class of the same name, and refuses what is no setting."""

from typing import Any

import pytest
import torch

from tests.optimizer.test_adam import gradients, move, weights
from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("seeded")

OURS: dict[str, Any] = {"learning_rate": 0.1, "beta1": 0.7, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.2}
TORCHS: dict[str, Any] = {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.2}
DECAYS: dict[str, Any] = {"learning_rate": 0.0, "beta1": 1.0, "beta2": -0.1, "eps": -1e-9, "weight_decay": -1.0}


@pytest.mark.parametrize(
    ("name", "kind", "settings", "torchs"),
    [
        ("adam", torch.optim.Adam, {}, {}),
        ("adam", torch.optim.Adam, OURS, TORCHS),
        ("adamw", torch.optim.AdamW, {}, {"weight_decay": 0.01}),
        ("adamw", torch.optim.AdamW, OURS, TORCHS),
        ("adamax", torch.optim.Adamax, {}, {}),
        ("adamax", torch.optim.Adamax, OURS, TORCHS),
        ("sgd", torch.optim.SGD, {"momentum": 0.0}, {"lr": 1e-3}),
        ("sgd", torch.optim.SGD, {}, {"lr": 1e-3, "momentum": 0.9}),
        (
            *("sgd", torch.optim.SGD),
            {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.2},
            {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.2},
        ),
    ],
)
def test_its_steps_are_those_of_torch(name: str, kind: type, settings: dict, torchs: dict) -> None:
    one, other, third = (weights(torch.float64) for _ in range(3))
    ours, inlined = (make(node(f"optimizer/{name}", **settings), {})(held) for held in (one, third))
    theirs = kind(other, **torchs)
    for step, slopes in enumerate(gradients(14, torch.float64)):
        if step == 9:
            for optimizer in (ours, inlined, theirs):
                optimizer.param_groups[0]["lr"] *= 0.5
        move(ours, one, slopes)
        move(theirs, other, slopes)
        inlined.move(third, slopes, inlined.rate)
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(third, other, rtol=1e-12, atol=1e-12)
    assert not any(torch.equal(a, b) for a, b in zip(one, weights(torch.float64), strict=True))


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        *((name, key, value) for name in ("adam", "adamw", "adamax") for key, value in DECAYS.items()),
        ("adam", "max_norm", 0.0),
        ("adam", "skip_norm", 0.0),
        ("adam", "average_decay", 1.0),
        ("adamax", "eps", 0.0),
        ("sgd", "learning_rate", 0.0),
        ("sgd", "momentum", 1.0),
        ("sgd", "momentum", -0.1),
        ("sgd", "weight_decay", -1.0),
    ],
)
def test_what_is_no_setting_is_refused(name: str, key: str, value: float) -> None:
    with pytest.raises(UserError, match=f"optimizer.{key}"):
        make(node(f"optimizer/{name}", **{key: value}), {})(weights())
