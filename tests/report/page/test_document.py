"""The page and its files, of runs whose comparison is known."""

import base64
import json
import re
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.report.fabricate import config, evaluation, records, run, seeds, summary
from vaerun.errors import UserError
from vaerun.image.grid import png_bytes
from vaerun.report.cell import cells
from vaerun.report.comparison import compare
from vaerun.report.matched import At
from vaerun.report.page.plot import RenderedPlot
from vaerun.report.page.write import report_files, write
from vaerun.report.recorded import find
from vaerun.report.text import ABSENT
from vaerun.tracking.tensorboard import TensorBoard

pytest.importorskip("matplotlib")

GAPS = {"approximation_gap/test": 0.3, "amortization_gap/test": 1.1, "inference_gap/test": 1.4}
VARIANCES = {"gradient_variance/score_phi": 90.0, "gradient_variance_se/score_phi": 9.0,
             "gradient_variance/own_phi": 1.0}  # fmt: skip
VOID = ("meta", "img", "br", "link")


class Outline(HTMLParser):
    """The cells of every table, and whether the elements nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tables = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


@pytest.fixture(autouse=True, scope="module")
def coarse():
    """Figures of few pixels, which take less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vaerun.report.page.plot.DPI", 30)
        yield


@pytest.fixture
def undrawn(monkeypatch):
    """Leaves the figures blank, for what does not depend on how they look: to draw them takes most of the time."""

    def blank(plot):
        return RenderedPlot(plot.name, plot.title, "0 0 1 1", "", b"<svg/>", b"\x89PNG")

    monkeypatch.setattr("vaerun.report.page.document.render_plot", blank)


def make(root):
    seeds(root, "amortized", [-27.0, -27.1, -27.2])
    seeds(root, "coordinate", [-26.0, -26.2, -26.4], evaluations=21_000)
    seeds(root, "joint", [-29.0])
    run(
        root / "bad",
        config=config(seed=9, strategy="coordinate"),
        summary={"status": "diverged", "reason": "elbo/train became nan <&>"},
        records=records([-40.0]),
    )
    return root


@pytest.fixture
def runs(tmp_path):
    return make(tmp_path / "runs")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, coarse):
    """The folder, comparison and text of a page with every kind of figure but images; not to be changed."""
    root = make(tmp_path_factory.mktemp("whole") / "runs")
    for strategy in ("amortized", "coordinate"):
        path = root / f"{strategy}_1" / "evaluations.jsonl"
        path.write_text(json.dumps(evaluation({**GAPS, **VARIANCES})) + "\n")
    run(root / "x", config=config(strategy='<b>$x$&"'), summary=summary(seed=0), records=records([-30.0]))
    return root / "report", *written(root)


def written(root, **keys):
    comparison = compare(list(find([root], print)), **keys)
    path = write(comparison, root / "report")
    return comparison, path.read_text(encoding="utf-8")


def test_the_page_says_the_answer_first(whole):
    _, comparison, text = whole
    assert unescape(re.search("<h1>(.*?)</h1>", text)[1]) == comparison.answer
    assert text.index("<h1>") < text.index("<table>") < text.index("<figure>")
    for note in comparison.notes:
        assert note in unescape(text)


@pytest.mark.parametrize("at", [None, At("steps", 15.0)], ids=["at the end", "at a cost"])
def test_the_table_is_that_of_the_comparison(runs, at, undrawn):
    comparison, text = written(runs, at=at)
    head, *body = Outline(text).tables[0]
    assert head[1:] == [f"{column.title}{column.unit * (column.unit == 'nat')}" for column in comparison.columns]
    columns = [cells(comparison.rows, column) for column in comparison.columns]
    for place, (row, shown) in enumerate(zip(comparison.rows, body, strict=True)):
        assert shown[0].startswith(f"{row.name}{row.seeds} seed")
        assert shown[1:] == [
            ABSENT if (cell := made[place]) is None else cell.written() + cell.mark for made in columns
        ]


def test_nothing_is_fetched_and_every_element_is_closed(whole):
    text = whole[2]
    assert Outline(text).open == []
    assert not re.search(r"https?:|@import|<script|<link", text)
    assert {source[:5] for source in re.findall(r'(?:src|href)="([^"]*)"', text)} <= {"data:", "figur"} | {
        source[:5] for source in re.findall(r'"(#[^"]*)"', text)
    }
    assert re.findall(r"url\((?!#)", text) == []


def test_no_two_elements_have_one_id_and_every_reference_is_met(whole):
    text = whole[2]
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) <= set(ids)


def test_the_colours_of_the_figures_are_those_of_the_page(whole):
    text = whole[2]
    defined = set(re.findall(r"(--\w+):", text[: text.index("</style>")]))
    assert set(re.findall(r"var\((--\w+)\)", text)) <= defined
    assert not re.search(r"(?:fill|stroke): ?#", text[text.index("</style>") :])


def test_every_figure_is_two_files_that_can_be_opened(whole):
    text = whole[2]
    names = set(re.findall(r'href="figures/([^"]+)"', text))
    folder = whole[0] / "figures"
    assert {path.name for path in folder.iterdir()} == names
    drawn = {"elbo_test", *(f"{tag.replace('/', '_')}" for tag in GAPS), "gradient_variance_phi"}
    drawn |= {f"elbo_valid_{cost}" for cost in ("steps", "seconds", "decoder_evaluations")}
    assert names == {f"{name}.{kind}" for name in drawn for kind in ("svg", "png")}
    for name in drawn:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert ElementTree.fromstring((folder / f"{name}.svg").read_bytes()).tag.endswith("svg")


def test_names_and_reasons_are_text_and_no_markup(whole):
    text = whole[2]
    assert "<b>" not in text
    assert "&lt;b&gt;$x$&amp;&#34;" in text
    assert "became nan &lt;&amp;&gt;" in text


def test_it_says_what_has_no_band_what_broke_off_and_what_it_is_of(whole):
    text = unescape(whole[2])
    assert "No band, because there is only one seed: " in text
    assert "A dotted line that ends in a cross is a run that did not complete" in text
    facts = {"data": "digits", "binarisation": "static", "split": "test", "points evaluated": "300"}
    for term, fact in facts.items():
        assert f"<dt>{term}</dt><dd>{fact}</dd>" in text
    for said in ("train 1,297, valid 200, test 300", "lower bound on mean log p(x), K = 100", "nats per data point"):
        assert said in text


def test_a_model_without_a_density_has_no_bound(runs, tmp_path, undrawn):
    made = [{key.replace("elbo", "pseudo_elbo"): value for key, value in one.items()} for one in records([-3.0, -2.0])]
    root = tmp_path / "pseudo"
    run(root / "x", config=config(), summary=summary() | {"metrics": {"pseudo_elbo/test": -2.0}}, records=made)
    text = written(root)[1]
    assert "How fast does the valid pseudo-ELBO rise?" in text
    assert "not a bound, because the likelihood is not a density" in text
    assert (root / "report/figures/pseudo_elbo_valid_steps.svg").exists()


def test_runs_with_nothing_to_draw_have_a_page_all_the_same(tmp_path):
    run(tmp_path / "a", config=config(), summary={"status": "failed", "reason": "no memory", "seed": 0})
    run(tmp_path / "b", config=None, summary={"status": "failed", "reason": "it cannot"})
    comparison, text = written(tmp_path)
    assert comparison.answer in unescape(text)
    assert "no memory" in text
    assert Outline(text).open == []
    assert list((tmp_path / "report/figures").iterdir()) == []


def test_a_second_report_replaces_its_own_files_alone(runs, undrawn):
    line = evaluation(GAPS)
    path = runs / "joint_0" / "evaluations.jsonl"
    path.write_text(json.dumps(line) + "\n")
    before = written(runs)[0]
    figures = runs / "report" / "figures"
    (figures / "mine.png").write_text("mine")
    (runs / "report" / "notes.txt").write_text("mine")
    assert (figures / "inference_gap_test.svg").exists()
    path.unlink()
    after = written(runs)[0]
    assert [row.name for row in after.rows] == [row.name for row in before.rows]
    assert not (figures / "inference_gap_test.svg").exists()
    assert (figures / "mine.png").read_text() == (runs / "report" / "notes.txt").read_text() == "mine"


def test_what_is_no_report_is_left_alone(tmp_path):
    (tmp_path / "index.html").write_text("<p>theirs</p>")
    with pytest.raises(UserError, match="was not written by vaerun report"):
        report_files(tmp_path)
    made = run(tmp_path / "run", config=config(), summary=summary())
    with pytest.raises(UserError, match="is a run directory"):
        report_files(made)


def test_a_folder_that_cannot_be_written_is_a_users_error(runs, tmp_path, undrawn):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write(compare(list(find([runs], print))), tmp_path / "file" / "x")


def test_images_are_those_that_the_run_drew_last(runs, undrawn):
    board = TensorBoard(runs / "coordinate_1")
    grids = [np.full((8, 8), shade, np.uint8) for shade in (10, 20)]
    for step, grid in enumerate(grids, start=5):
        board.images(step, "samples/prior", grid)
        board.images(step, "reconstructions/valid", grid + 1)
        board.scalars(step, {"elbo/valid": -1.0})
    board.close("completed")
    with next((runs / "coordinate_1").glob("events*")).open("ab") as file:
        file.write(b"half a record")
    (runs / "amortized_0" / "events.out.tfevents.1.x.1").write_bytes(b"\x04" + 7 * b"\x00" + 4 * b"x" + b"\xff" * 8)
    text = written(runs)[1]
    shown = [base64.b64decode(found) for found in re.findall(r"data:image/png;base64,([^\"]+)", text)]
    assert shown == [png_bytes(grids[1]), png_bytes(grids[1] + 1)]
    assert (runs / "report/figures/1_samples_prior.png").read_bytes() == shown[0]
    assert "samples/prior, seed 1, step 6" in text
