"""Every tag that a run records has its declaration in summary.json."""

from pathlib import Path

import pytest

from tests.runs import records, train
from vaerun.metric.metric import find, read
from vaerun.tracking.base import POSITION


@pytest.mark.parametrize(
    "overrides",
    [
        ("objective/kl_weight=linear", "objective.kl_weight.epochs=2"),
        ("strategy=coordinate", "strategy.test_steps=20"),
        ("strategy=aggressive", "objective=iwae", "objective.num_samples=2"),
        ("posterior=bernoulli", "estimator=concrete"),
        ("model/likelihood=cross_entropy", "data.binarize=none"),
    ],
    ids=lambda overrides: overrides[0],
)
def test_every_recorded_tag_is_declared(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    summary = train(tmp_path / "run", *overrides, "trainer.epochs=2")
    declared = read(summary["about"])
    tags = {tag for record in records(tmp_path / "run") for tag in record if tag not in POSITION}
    unknown = {tag for tag in tags if find(declared, tag).name.removesuffix("_se") not in declared}
    assert tags
    assert not unknown
    plain = {tag for tag in tags if find(declared, tag).meaning == tag.partition("/")[0].replace("_", " ")}
    assert not plain
    if "model/likelihood=cross_entropy" in overrides:
        assert {"pseudo_elbo/train", "pseudo_elbo/valid", "pseudo_elbo/test"} <= tags
        assert not any(metric.bound for metric in declared.values())
        assert declared["pseudo_elbo"].stands_for == "elbo"
