"""Choices of estimator, objective, posterior and strategy: legal ones build and move, illegal ones are refused.

Not the whole product, but rows of it in which every legal pair of choices meets.
"""

import functools
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from tests.problems import CONF, SMALL
from vaerun.config.catalogue import Catalogue
from vaerun.config.check.pairs import clashes
from vaerun.config.check.parts import Part
from vaerun.data.base import Dataset
from vaerun.data.split import Split
from vaerun.errors import UserError
from vaerun.experiment.build import build_strategy
from vaerun.notation import Batch
from vaerun.verify.covering import covering
from vaerun.verify.offer import Offer

POINTS = 12
OFFER = Offer(Catalogue([CONF]))
QUICK = {"steps": 2, "max_inner": 2, "window": 2, "hidden": [4], "num_components": 3}

Row = tuple[tuple[tuple[str, str], ...], str, str, tuple[tuple[str, str], ...]]


def data() -> Dataset:
    """A few points of a few bits."""
    x = (torch.arange(POINTS * 4).reshape(POINTS, 4) * 7 % 5 < 2).to(torch.uint8)
    split = Split(x)
    return Dataset("bits", split, split, split, (2, 2), "none", "binary", "0")


@functools.cache
def rows() -> tuple[list[Row], list[Row]]:
    """All combinations, those that fit together and those that do not."""
    usual = {choices["strategy"]: choices for choices in reversed(list(OFFER.variants("strategy")))}
    # Of rows that cover as much, the first one is taken: that of the cheapest strategy.
    strategies = sorted(usual.values(), key=lambda choices: choices["strategy"] != "amortized")
    product = [
        (tuple(estimator.items()), objective, posterior, tuple(strategy.items()))
        for estimator in OFFER.variants("estimator")
        for objective in OFFER.names("objective")
        for posterior in OFFER.names("posterior")
        for strategy in strategies
    ]
    fits: dict[Any, bool] = {}
    for row in product:
        key = (row[:3], row[3][0][1])
        if key not in fits:
            fits[key] = OFFER.parts(choices(row)) is not None
    return [row for row in product if fits[row[:3], row[3][0][1]]], [
        row for row in product if not fits[row[:3], row[3][0][1]]
    ]


def choices(row: Row) -> dict[str, str]:
    estimator, objective, posterior, strategy = row
    return {**dict(estimator), "objective": objective, "posterior": posterior, **dict(strategy)}


def name(row: Row) -> str:
    return "-".join(choices(row).values())


def quick(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node with small numbers in place of defaults that would only be slow."""
    inner = {key: quick(value) if isinstance(value, Mapping) else value for key, value in node.items()}
    return inner | {key: value for key, value in {**QUICK, **SMALL}.items() if isinstance(inner.get(key), type(value))}


def configuration(row: Row) -> dict[str, Any]:
    parts = OFFER.parts(choices(row))
    assert parts is not None
    least = max(int(str(part.info.attributes.get("min_samples") or 1)) for part in parts.values())
    latent_dim = 4 if parts["posterior"].info.attributes["support"] == "categorical" else 2
    samples = {"num_samples": max(2, least)}
    return quick(OFFER.configuration(parts, objective=samples, model={"latent_dim": latent_dim}))


@pytest.mark.slow
@pytest.mark.parametrize("row", covering(rows()[0], 2), ids=name)
def test_it_builds_and_moves(row: Row, seeded: None) -> None:
    made = build_strategy(configuration(row), data(), torch.device("cpu"))
    tables = {key: t for key, t in made.named_buffers() if key.endswith("phi_train.phi")}
    before = {key: t.clone() for key, t in [*made.named_parameters(), *tables.items()]}
    index = torch.arange(6)
    for _ in range(2):
        estimate = made.step(Batch(index, data().train.x[index].float()))
        assert bool(torch.isfinite(estimate.value).all())
    after = {**dict(made.named_parameters()), **tables}
    assert any(not torch.equal(before[key], after[key]) for key in before if key.startswith("bound.model"))
    assert any(not torch.equal(before[key], after[key]) for key in before if not key.startswith("bound.model"))
    for key, phi in tables.items():
        assert torch.equal(phi[6:], before[key][6:])
    assert made.infer(data().test.x.float()).phi.shape == (POINTS, made.bound.family.num_parameters)


def test_an_illegal_pair_is_refused_in_a_sentence() -> None:
    """Whatever the rest is: for each pair that no legal row has, some row with it."""
    from vaerun.config.check.pairs import check_pairs, swap

    legal, illegal = rows()
    usual = {row[3] for row in legal[:1]}
    never = covering([row for row in illegal if row[3] in usual], 2)
    assert never
    for row in never:
        parts: dict[str, Part] = OFFER.default
        for group, option in choices(row).items():
            found = OFFER.catalogue.option(group, option)
            assert found is not None
            parts = swap(parts, found, OFFER.catalogue)
        assert any(clashes(parts))
        with pytest.raises(UserError, match=r"needs|valid for|is over|cannot|has none"):
            check_pairs(parts, OFFER.catalogue)
