"""Every legal choice of estimator, objective, posterior and strategy builds, and moves θ and φ or λ in two steps."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.problems import class_of, node, options, prior_over, variants
from vaerun.build import build_strategy
from vaerun.data.base import Dataset, Split
from vaerun.notation import Batch

POINTS = 12


def data() -> Dataset:
    """A few points of a few bits."""
    x = (torch.arange(POINTS * 4).reshape(POINTS, 4) * 7 % 5 < 2).to(torch.uint8)
    split = Split(x)
    return Dataset("bits", split, split, split, (2, 2), "none", "binary", "0")


def legal() -> Iterator[Any]:
    """All combinations whose capabilities fit, as pytest parameters."""
    for posterior in options("posterior"):
        q = class_of(f"posterior/{posterior}").posterior
        for estimator, nested in variants("estimator"):
            chosen = [f"estimator/{estimator}", *(f"estimator/{group}/{option}" for group, option in nested.items())]
            needs = [need for path in chosen for need in class_of(path).needs]
            for objective in options("objective"):
                serves = class_of(f"estimator/{estimator}").serves
                if all(issubclass(q, need) for need in needs) and issubclass(
                    class_of(f"objective/{objective}"), serves
                ):
                    for strategy in options("strategy"):
                        name = "-".join([strategy, estimator, *nested.values(), objective, posterior])
                        yield pytest.param(posterior, estimator, nested, objective, strategy, id=name)


@pytest.mark.parametrize(("posterior", "estimator", "nested", "objective", "strategy"), list(legal()))
def test_it_builds_and_moves(
    posterior: str, estimator: str, nested: dict[str, str], objective: str, strategy: str, seeded: None
) -> None:
    support = class_of(f"posterior/{posterior}").support
    config = {
        "model": node("model/vae", {"prior": prior_over(support)}, latent_dim=2),
        "posterior": node(f"posterior/{posterior}"),
        "objective": node(f"objective/{objective}", num_samples=2),
        "estimator": node(f"estimator/{estimator}", nested),
        "amortizer": node("amortizer/mlp"),
        "local": node("local/solver"),
        "optimizer": node("optimizer/adam"),
        "strategy": node(f"strategy/{strategy}"),
    }
    made = build_strategy(config, data(), torch.device("cpu"))
    tables = {name: t for name, t in made.named_buffers() if name.endswith("phi_train.phi")}
    before = {name: t.clone() for name, t in [*made.named_parameters(), *tables.items()]}
    index = torch.arange(6)
    for _ in range(2):
        estimate = made.step(Batch(index, data().train.x[index].float()))
        assert bool(torch.isfinite(estimate.value).all())
    after = {**dict(made.named_parameters()), **tables}
    still = [name for name in before if torch.equal(before[name], after[name])]
    if float(made.bound.objective.beta()) == 0:  # a prior rests while the KL has no weight
        still = [name for name in still if ".prior." not in name]
    assert not still
    for name, rows in tables.items():
        assert torch.equal(rows[6:], before[name][6:])
    assert made.infer(data().test.x.float()).phi.shape == (POINTS, made.bound.family.num_parameters)
