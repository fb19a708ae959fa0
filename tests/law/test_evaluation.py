"""Every evaluation under every strategy and every family: finite figures with a name, and a model left as it was."""

import math
from typing import Any

import pytest
import torch

from tests.law.test_combinations import configuration, data, rows
from tests.problems import node, options
from vaerun.experiment.build import build_parts
from vaerun.experiment.choose import build_evaluation
from vaerun.experiment.make import make
from vaerun.verify.covering import covering

QUICK = {
    "points": 3,
    "num_samples": 4,
    "steps": 3,
    "max_steps": 40,
    "starts": 1,
    "chains": 2,
    "temperatures": 2,
    "leapfrog": 1,
    "encoder_epochs": 1,
    "replicas": 20,
    "warm_up": 1,
}
Case = tuple[str, str, str]


def cases() -> list[Case]:
    """(evaluation, strategy, posterior) in which every pair of them meets."""
    legal = dict.fromkeys((dict(strategy)["strategy"], posterior) for _, _, posterior, strategy in rows()[0])
    return covering([(evaluation, *pair) for evaluation in options("evaluation") for pair in legal], 2)


def run(strategy: str, posterior: str) -> dict[str, Any]:
    """The configuration of a run that is legal with them."""
    row = next(row for row in rows()[0] if row[2] == posterior and dict(row[3])["strategy"] == strategy)
    return configuration(row)


@pytest.mark.slow
@pytest.mark.parametrize(("evaluation", "strategy", "posterior"), cases())
def test_it_gives_finite_figures_and_leaves_everything_as_it_was(
    evaluation: str, strategy: str, posterior: str, seeded: None
) -> None:
    config, device = run(strategy, posterior), torch.device("cpu")
    parts = build_parts(config, data(), device)
    made = make(config["strategy"], parts).eval()
    chosen = node(f"evaluation/{evaluation}")
    quick = chosen | {key: value for key, value in QUICK.items() if key in chosen}
    evaluate = build_evaluation({**config, "evaluation": quick}, parts, device)
    before = {key: value.clone() for key, value in made.state_dict().items()}
    cost = (made.decoder_evaluations, made.encoder_evaluations)
    computed = evaluate(made, data())
    assert computed.metrics
    assert all(math.isfinite(value) for value in computed.metrics.values())
    assert all(tag.count("/") == 1 for tag in computed.metrics)
    quantities = {tag.partition("/")[0] for tag in computed.metrics}
    assert {name for name in quantities if not name.endswith("_se")} <= computed.declared.keys()
    assert {name.removesuffix("_se") for name in quantities} <= computed.declared.keys()
    assert evaluate.num_points(data()) == 3
    assert all(len(values) <= 3 for values in computed.points.values())
    for key, value in made.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert (made.decoder_evaluations, made.encoder_evaluations) == cost
