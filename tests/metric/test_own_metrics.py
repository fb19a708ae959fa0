"""A user's own evaluation, strategy and estimator declare metrics, and these appear everywhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG

import vaerun
from tests.composition import composed
from tests.runs import TINY, train
from vaerun import cli
from vaerun.config.trust import trusting
from vaerun.experiment.fit import fit

pytestmark = pytest.mark.slow

MODULE = '''
from vaerun.estimator.reparam import Reparam
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.results import Results
from vaerun.metric.metric import Chart, Metric
from vaerun.strategy.amortized import Amortized

BRIGHTNESS = Metric(
    "brightness",
    "mean pixel of the points",
    better="lower",
    title="brightness of x",
    chart=Chart("Mine", "bright"),
    order=3,
)
EFFORT = Metric("effort", "how hard the strategy tried", chart=Chart("Mine", "effort of the strategy"))
SURPRISE = Metric("surprise", "what the estimator wondered at", "nat", "higher", chart=Chart("Bounds", "surprise"))


class Brightness(OverPoints):
    """mean_i mean_d x_id."""

    def __init__(self, split="test", points=None):
        super().__init__(split, points)

    def __call__(self, strategy, data):
        results = Results(self.split)
        for batch in self.batches(data, 10**6):
            results.add_mean(BRIGHTNESS, batch.x.mean(1))
        return results.result()


class Eager(Amortized):
    """max over θ and λ of the ELBO."""

    metrics = (*Amortized.metrics, EFFORT)

    def step(self, batch):
        estimate = super().step(batch)
        return estimate._replace(diagnostics={**estimate.diagnostics, "effort": estimate.value * 0 + 2})


class Surprised(Reparam):
    """∇ of the ELBO."""

    metrics = (SURPRISE,)

    def forward(self, q, model, objective, x):
        estimate = super().forward(q, model, objective, x)
        return estimate._replace(diagnostics={**estimate.diagnostics, "surprise": estimate.value})
'''
OPTIONS = {
    "evaluation/brightness": "_target_: my_metrics.Brightness\nsplit: test\npoints: null\n",
    "strategy/eager": "_target_: my_metrics.Eager\n",
    "estimator/surprised": "_target_: my_metrics.Surprised\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a user's own classes and their YAML files; it is the current one."""
    (tmp_path / "my_metrics.py").write_text(MODULE)
    for option, text in OPTIONS.items():
        path = tmp_path / "conf" / f"{option}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("VAERUN_TRUST", "my_metrics")
    return tmp_path


def charts(directory: Path) -> dict[str, list[str]]:
    """The charts of a run that TensorBoard shows, by category."""
    accumulator = EventAccumulator(str(directory))
    accumulator.Reload()
    content = accumulator.Tensors(CONFIG_SUMMARY_TAG)[-1].tensor_proto.string_val[0]
    return {c.title: [chart.title for chart in c.chart] for c in layout_pb2.Layout.FromString(content).category}


def call(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints."""
    capsys.readouterr()
    assert cli.dispatch(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("choice", "name", "category", "chart", "better"),
    [
        ("strategy=eager", "effort", "Mine", "effort of the strategy", ""),
        ("estimator=surprised", "surprise", "Bounds", "surprise", "higher"),
        ("evaluation=brightness", "brightness", "Mine", "bright", "lower"),
    ],
)
def test_a_metric_of_ones_own_appears_everywhere(
    package: Path, choice: str, name: str, category: str, chart: str, better: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tag = f"{name}/test" if choice.startswith("evaluation") else f"{name}/train"
    for seed in (0, 1):
        summary = run(package / f"runs/{seed}", f"seed={seed}", choice)
        assert summary["about"][name].get("better", "") == better
        assert tag in summary["metrics"]
    assert chart in charts(package / "runs/0")[category]
    shown = call(capsys, "compare", "runs", "--columns", f"elbo/test,{tag}", "--json")
    column = json.loads(shown)["columns"][1]
    assert column["meaning"] == summary["about"][name]["meaning"]
    assert column["better"] == {"higher": 1, "lower": -1, "": 0}[better]
    assert column["title"] == f"{tag.partition('/')[2]} {summary['about'][name]['title']}"


def run(directory: Path, *overrides: str) -> dict[str, Any]:
    """A tiny run with an evaluation that need not have samples of z."""
    cfg, choices = composed([*(word for word in TINY if not word.startswith("evaluation.")), *overrides])
    with trusting(["my_metrics"]):
        return fit(cfg, choices, directory, live=False)


def test_an_evaluation_of_ones_own_is_told_by_eval_and_marked_by_compare(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (0, 1):
        for layers, hidden in enumerate(("[16]", "[4]")):
            train(package / f"runs/{layers}{seed}", f"seed={seed}", f"model.decoder.hidden={hidden}")
    several = call(
        capsys, "eval", *(f"runs/{name}" for name in ("00", "01")), "evaluation=brightness", "evaluation.points=50"
    )
    assert several.count("mean pixel of the points") == 2
    (lines,) = json.loads(call(capsys, "eval", "runs/10", "evaluation=brightness", "evaluation.points=50", "--json"))
    assert lines["about"]["brightness"]["meaning"] == "mean pixel of the points"
    recorded = json.loads((package / "runs/10/evaluations.jsonl").read_text())
    assert recorded["about"] == lines["about"]
    call(capsys, "eval", "runs/11", "evaluation=brightness", "evaluation.split=valid", "evaluation.points=30")
    table = call(capsys, "compare", "runs", "--json")
    names = [column["name"] for column in json.loads(table)["columns"]]
    assert names[:3] == ["elbo/test", "brightness/test", "iwae_2/test"]  # by its order
    rows = vaerun.compare("runs", sort="brightness/test")
    assert [set(row) >= {"brightness/test", "elbo/test"} for row in rows] == [True, True]


def test_the_lower_of_two_is_marked_the_best(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for strategy, value in (("amortized", 0.5), ("joint", 0.25)):
        for seed in (0, 1):
            run = f"runs/{strategy}{seed}"
            train(package / run, f"strategy={strategy}", f"seed={seed}")
            call(capsys, "eval", run, "evaluation=brightness", "evaluation.points=20")
            path = package / run / "evaluations.jsonl"
            line = json.loads(path.read_text())
            line["metrics"] = {"brightness/test": value + 0.001 * seed, "brightness_se/test": 0.01}
            path.write_text(json.dumps({key: line[key] for key in line if key != "checksum"}) + "\n")
    table = json.loads(call(capsys, "compare", "runs", "--columns", "brightness", "--json"))
    best = {row["name"]: row["values"]["brightness/test"]["best"] for row in table["rows"]}
    assert best == {"amortized": False, "joint": True}
