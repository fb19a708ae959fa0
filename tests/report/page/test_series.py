"""What is drawn against cost: which runs make the mean, and what the axis shows."""

import json

import numpy as np
import pytest

from tests.report.fabricate import config, records, run, seeds, summary
from vaerun.report.comparison import compare
from vaerun.report.matched import COSTS, At
from vaerun.report.page.curve import Curve
from vaerun.report.page.series import Logs, Series, below, limits
from vaerun.report.page.style import REST, STYLES, styles, themed
from vaerun.report.recorded import find


def bounds(root, at=None):
    comparison = compare(list(find([root], print)), at=at)
    return {one.name: one for one in Logs.of(comparison.rows).bounds("elbo/valid")}


def series(values):
    return Series("x", STYLES[0], [Curve(dict.fromkeys(COSTS, np.arange(len(values))), np.asarray(values, float))])


def test_completed_seeds_make_the_mean_and_others_are_drawn_apart(tmp_path):
    seeds(tmp_path, "amortized", [-27.0, -27.2])
    broken = {"status": "diverged", "reason": "nan", "seed": 7}
    run(tmp_path / "x", config=config(seed=7), summary=broken, records=records([-80.0]))
    found = bounds(tmp_path)["amortized"]
    assert [one.values[-1] for one in found.curves] == [-27.0, -27.2]
    assert [one.values[-1] for one in found.incomplete] == [-80.0]
    assert found.bands["steps"].mean.tolist() == pytest.approx([-28.1, -27.1])


def test_of_a_seed_that_was_run_twice_only_the_counted_run_is_drawn(tmp_path):
    seeds(tmp_path, "amortized", [-27.0])
    run(tmp_path / "again", config=config(seed=0), summary=summary(seed=0), records=records([-99.0]))
    found = bounds(tmp_path)["amortized"]
    assert (len(found.curves), len(found.incomplete)) == (1, 0)


def test_a_completed_run_that_is_not_compared_at_a_cost_is_drawn_all_the_same(tmp_path):
    seeds(tmp_path, "amortized", [-27.0, -27.2])
    found = bounds(tmp_path, At("steps", 5.0))["amortized"]
    assert (len(found.curves), len(found.incomplete)) == (2, 0)


def test_a_run_without_records_is_no_line(tmp_path):
    run(tmp_path / "x", config=config(), summary=summary())
    assert bounds(tmp_path) == {}


def test_the_axis_shows_three_quarters_of_the_better_lines():
    early = [-500.0, -100.0, -50.0, -31.0, -30.0, -29.0, -28.0, -27.0]
    low, high = limits([series(early)])
    assert high == -27.0
    assert np.mean(np.array(early) >= low) == 0.75


def test_a_configuration_that_has_failed_does_not_move_the_axis():
    good = [series([-40.0, -30.0, -29.0, -28.0]), series([-40.0, -31.0, -30.0, -29.0])]
    bad = series([-9e9, -8e9, -8e9, -8e9])
    assert limits([*good, bad]) == limits(good)
    assert below([*good, bad]) == [bad]
    assert below(good) == []


def with_variances(path, names):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for number, line in enumerate(lines):
        line |= {f"gradient_variance/{name}_phi": 10.0 + number for name in names}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_of_one_configuration_each_estimator_is_a_line(tmp_path):
    with_variances(seeds(tmp_path, "amortized", [-27.0])[0] / "metrics.jsonl", ["score", "straight_through"])
    logs = Logs.of(compare(list(find([tmp_path], print))).rows)
    lines = logs.gradients("phi")[""]
    assert [one.name for one in lines] == ["score", "straight_through"]
    assert len({one.style for one in lines}) == 2
    assert lines[0].curves[0].values.tolist() == [10.0, 11.0, 12.0, 13.0]
    assert logs.gradients("theta") == {}


def test_of_several_configurations_each_estimator_has_a_plot_and_each_configuration_its_style(tmp_path):
    for strategy in ("amortized", "joint"):
        with_variances(seeds(tmp_path, strategy, [-27.0])[0] / "metrics.jsonl", ["score", "own"])
    logs = Logs.of(compare(list(find([tmp_path], print))).rows)
    found = logs.gradients("phi")
    for estimator in ("own", "score"):
        assert [one.name for one in found[estimator]] == ["amortized", "joint"]
    assert [one.style for one in found["own"]] == [one.style for one in found["score"]] == list(STYLES[:2])


def test_every_configuration_of_the_palette_has_a_style_of_its_own():
    assert (
        len({(style.light, style.marker) for style in STYLES}) == len({style.dark for style in STYLES}) == len(STYLES)
    )
    assert styles(len(STYLES) + 2)[-2:] == [REST, REST]
    assert styles(2) == list(STYLES[:2])
    assert themed(f"fill: {STYLES[0].light}") == f"fill: var({STYLES[0].variable})"


def contrast(one, other):
    """(L_1 + 0.05)/(L_2 + 0.05) of two colours' luminances."""

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.variable)
def test_every_colour_stands_out_from_the_paper(style):
    assert contrast(style.light, "#ffffff") >= 3
    assert contrast(style.dark, "#14171b") >= 3
