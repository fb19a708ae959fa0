"""What a person sees who opens TensorBoard on a sweep: each tab in a real browser."""

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.board import CHROMIUM, DRIVER, LOOK, ask, browse, serve, until
from tests.runs import summary, train
from vaerun.errors import DivergedError

pytest.importorskip("selenium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver on this machine"),
]

STRATEGIES = ("amortized", "joint")
See = Callable[[str, str], Any]  # tab, expression ↦ its value, once it has one


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each strategy, and one that has diverged."""
    folder = tmp_path_factory.mktemp("runs")
    for strategy in STRATEGIES:
        words = ("trainer.records.images_every=1", "execution.threads=1")
        train(folder / strategy, f"strategy={strategy}", *words)
    with pytest.raises(DivergedError):
        train(folder / "diverged", "optimizer.learning_rate=1e30")
    return folder


@pytest.fixture(scope="module")
def board(runs: Path) -> Iterator[str]:
    with serve(runs) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browse() as opened:
        yield opened


@pytest.fixture
def see(board: str, browser: Any) -> See:
    """Opens a tab and evaluates JavaScript there until that gives something."""

    def look(tab: str, expression: str) -> Any:
        browser.get("about:blank")  # the same page at another fragment would not be loaded anew
        browser.get(f"{board}/#{tab}")
        return until(lambda: browser.execute_script(f"{LOOK} return {expression};"), f"{tab} shows no {expression}")

    return look


def test_the_curves_of_two_strategies_lie_over_each_other(runs: Path, see: See) -> None:
    card = "all('card-view').find(n => /^elbo \\/valid /.test(text(n)) && all('canvas, path', n).length)"
    shown = see("timeseries", f"({card} && text({card}).includes('joint') && text({card}))")
    for strategy in STRATEGIES:
        (value,) = re.findall(rf"{strategy} \S+ (-[\d.]+) 18 ", shown)  # below the curves: smoothed, value, step
        assert float(value) == pytest.approx(summary(runs / strategy)["metrics"]["elbo/valid"], abs=1e-3)


def test_custom_scalars_answer_each_question_with_a_line_per_run(see: See) -> None:
    cards = "all('tf-custom-scalar-multi-line-chart-card')"
    lines = "all('path.line', n).filter(p => (p.getAttribute('d') || '').split('L').length > 2).length"
    first = f"{cards}.slice(0, 2)"
    titles = ("ELBO and tighter bounds, train", "ELBO and tighter bounds, valid")
    charts = see("custom_scalars", f"{first}.length && {first}.every(n => {lines} >= 2) && {first}.map(text)")
    for chart, title in zip(charts, titles, strict=True):
        assert chart.startswith(title)
        assert all(f"({strategy})" in chart for strategy in STRATEGIES)
    page = see("custom_scalars", "all('tf-category-paginated-view').map(text).join(' ')")
    for question in ("Bounds", "Terms of the ELBO", "KL(q ‖ p(z))", "Inference of φ", "Gradient norms"):
        assert question in page
    assert "approximation gap" not in page, "no chart without a curve"


def test_hparams_has_a_row_for_every_run_and_elbo_first_among_the_metrics(runs: Path, see: See) -> None:
    table = "(all('tf-hparams-table-view').map(text)[0] || '')"
    shown = see("hparams", f"/joint.*-\\d/.test({table}) && {table}")
    assert " strategy " in shown
    assert re.findall(r"\w+/(?:train|valid|test)", shown)[:3] == ["elbo/test", "elbo/train", "elbo/valid"]
    for strategy in STRATEGIES:
        assert f"{summary(runs / strategy)['metrics']['elbo/test']:.3f}" in shown
    assert "diverged" in shown
    assert "NaN" in shown


def test_images_show_what_was_learned(see: See) -> None:
    loaded = "all('tf-image-loader').filter(n => all('img', n).some(i => i.naturalWidth > 200)).map(text)"
    shown = see("images", f"{loaded}.length >= 4 && {loaded}")
    for strategy in STRATEGIES:
        for name in ("interpolation/valid", "reconstructions/valid"):
            assert any(name in words and strategy in words for words in shown)


def test_text_tells_the_environment(runs: Path, see: See) -> None:
    pages = "all('tf-text-loader').map(text)"
    there = " && ".join(
        f"{pages}.some(t => t.includes('{words}'))"
        for words in ("1,297 train, 200 valid, 300 test", "strategy: amortized")
    )
    shown = see("text", f"{there} && {pages}.join(' ')")
    assert summary(runs / "joint")["versions"]["torch"] in shown


def test_the_projector_places_every_validation_point(board: str, browser: Any, see: See) -> None:
    data = f"{board}/data/plugin/projector"
    found = until(lambda: ask(f"{data}/runs"), "the projector knows no run")
    assert set(found) == set(STRATEGIES)
    for run in found:
        (embedding,) = ask(f"{data}/info", run=run)["embeddings"]
        assert embedding["tensorShape"] == [200, 3]
        query = {"run": run, "name": embedding["tensorName"]}
        points = np.frombuffer(ask(f"{data}/tensor", **query), np.float32)
        assert points.size == 600
        assert np.isfinite(points).all()
        columns = ask(f"{data}/metadata", **query).decode().splitlines()[0].split("\t")
        assert columns == ["label", "validation point", "elbo", "log_likelihood", "kl"]
        sprite = ask(f"{data}/sprite_image", **query)
        sides = struct.unpack(">II", sprite[16:24])
        assert sides == tuple(15 * side for side in embedding["sprite"]["singleImageDim"]), "15 rows of 15 tiles"
    browser.switch_to.frame(see("projector", "all('iframe')[0]"))
    browser.switch_to.frame(until(lambda: browser.execute_script(f"{LOOK} return all('iframe')[0]"), "an empty frame"))
    drawn = "/Points: *200/.test(text(document.body)) && all('canvas').length"
    until(lambda: browser.execute_script(f"{LOOK} return {drawn}"), "the projector draws nothing")
