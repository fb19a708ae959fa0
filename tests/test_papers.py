"""The published tables: every experiment of a paper can be run, and the page comes from the stored results alone."""

import itertools
import json
import os
import re
import sys
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from tests import composition
from vaerun.config.check import check
from vaerun.config.folders import roots

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from reproduction import seeds
from reproduction.expected import Published, head
from reproduction.laboratory import Laboratory, Trained
from reproduction.page import PAGE, STORED, filled, stored
from reproduction.table import Row, Table, read

CONF = Path(__file__).parents[1] / "conf" / "experiment"
OWN = ("lecture", "strategies")  # of no paper
NAMES = sorted(
    path.relative_to(CONF).with_suffix("").as_posix() for path in CONF.rglob("*.yaml") if path.parent.name not in OWN
)
SMALL = ("data=digits", "data.binarize=static")  # MNIST is not on every machine
PAPERS = sorted({name.partition("/")[0] for name in NAMES})


@lru_cache
def composed(name: str) -> tuple[DictConfig, dict[str, str]]:
    """The configuration of an experiment, and its choices."""
    return composition.composed([f"experiment={name}"])


def words(name: str) -> list[str]:
    """The experiment on data that every machine has."""
    own = composed(name)[1]["data"]
    return [f"experiment={name}", *(SMALL if own in ("mnist", "binarized_mnist") else ())]


def test_every_paper_of_the_issue_has_experiments() -> None:
    assert len(PAPERS) == 11
    assert len(NAMES) > 30


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_names_its_paper_and_what_to_expect(name: str) -> None:
    first, second, *_ = (CONF / f"{name}.yaml").read_text().splitlines()
    assert first == "# @package _global_"
    assert second.startswith("# Paper: ")
    assert re.search(r"\b(19|20)\d\d\b", head(name).paper)
    for tag, published in head(name).figures().items():
        assert re.fullmatch(r"[a-z]+(_\d+)?/(train|valid|test)(@\d+)?", tag)
        assert published.value < 0


def test_a_published_figure_is_read_with_its_spread() -> None:
    assert head("pythae/vae_mnist").figures() == {"iwae_200/test": Published(-89.78, 0.01)}
    assert head("burda2016/iwae_k50").figures() == {"iwae_5000/test": Published(-84.78, None)}
    assert list(head("tucker2017/two_layers").figures()) == [f"elbo/train@{epoch}" for epoch in (1, 2, 3, 4)]
    assert head("lucas2019/linear").figures() == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_can_work_as_it_is(name: str) -> None:
    cfg, choices = composed(name)
    check(cfg, choices, roots())


@pytest.mark.slow
def test_no_two_experiments_are_the_same_run() -> None:
    written = {name: OmegaConf.to_yaml(composed(name)[0]) for name in NAMES}
    same = [pair for pair in itertools.combinations(NAMES, 2) if written[pair[0]] == written[pair[1]]]
    assert not same


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_takes_two_steps(seeded: None, name: str) -> None:
    from vaerun.data.loader import Loader
    from vaerun.experiment.build import build

    experiment = build(composition.composed([*words(name), "trainer.batch_size=20", "execution.threads=1"])[0])
    theta = [weight.detach().clone() for weight in experiment.strategy.theta]
    for batch in itertools.islice(Loader(experiment.data.train, batch_size=20, seed=0).epoch(0, 0), 2):
        assert experiment.strategy.step(batch).value.isfinite().all()
    assert any((now != before).any() for now, before in zip(experiment.strategy.theta, theta, strict=True))


def test_the_page_is_what_the_stored_results_say() -> None:
    assert filled(PAGE.read_text(), stored()) == PAGE.read_text(), "run: python scripts/reproduce.py --page"


def test_every_stored_table_is_of_a_paper_and_holds_its_published_figures() -> None:
    for paper, table in stored().items():
        assert table.paper == paper
        assert paper in PAPERS
        assert table.text() == (STORED / f"{paper}.json").read_text()
        for row in table.rows:
            name = re.split(r"[ ,]", row.name)[0]
            assert name in NAMES
            figures = {published.value: published.spread for published in head(name).figures().values()}
            if figures and row.published is not None:
                assert figures[row.published] == row.spread
            assert f"experiment={name}" in row.command or "evaluation=" in row.command or "reproduce.py" in row.command


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_the_words_around_the_figures_are_those_of_the_script(paper: str) -> None:
    module = import_module(f"reproduction.{paper}")
    for table in (stored()[paper],) if paper in stored() else ():
        assert (table.reference, table.source) == (module.REFERENCE, module.SOURCE), "run: reproduce.py --page"
        assert list(table.remarks) == list(module.REMARKS), "run: reproduce.py --page"


@pytest.mark.parametrize("change", ["ours", "published", "budget"])
def test_a_figure_that_was_changed_by_hand_is_found(change: str) -> None:
    table = next(iter(stored().values()))
    other = {"ours": table.rows[0].ours + 5, "published": 1.0, "budget": "full"}[change]
    changed = replace(table, rows=[replace(table.rows[0], **{change: other}), *table.rows[1:]])
    assert filled(PAGE.read_text(), stored() | {table.paper: changed}) != PAGE.read_text()


def test_marks_without_a_table_and_a_table_without_marks_are_refused() -> None:
    tables = stored()
    with pytest.raises(ValueError, match="which has no stored table"):
        filled(PAGE.read_text() + "\n<!-- begin nobody1999 -->\n<!-- end nobody1999 -->\n", tables)
    with pytest.raises(ValueError, match="must have the lines"):
        filled("# A page\n", tables)


def row(**changes: object) -> Row:
    """A row of a table."""
    given = {"quantity": "test ELBO, nats", "command": "vaerun train", "budget": "2 epochs", "seconds": 1.0}
    return Row("pythae/vae_mnist", ours=-90.0, **given | changes)


def test_a_row_shows_the_difference_or_whether_the_claim_holds() -> None:
    assert "| −90.00 ± 0.25 | −89.78 ± 0.01 | −0.22 |" in row(error=0.25, published=-89.78, spread=0.01).markdown()
    assert "| −90.00 | above `standard` | holds |" in row(claim="above `standard`", holds=True).markdown()
    assert "| above `standard` | **does not hold** |" in row(claim="above `standard`", holds=False).markdown()
    assert "| not traced |  |" in row().markdown()


def test_an_order_holds_if_it_does_in_every_seed_and_beyond_noise() -> None:
    assert seeds.order([1.0, 1.2, 0.9]) is True
    assert seeds.order([-1.0, -1.2, -0.9]) is False
    assert seeds.order([1.0, 1.2, -0.1]) is None
    assert seeds.order([0.1, 3.0]) is None  # the mean is 1.55 ± 1.45
    assert seeds.standard_error([1.0, 3.0]) == pytest.approx(1.0)
    assert seeds.standard_error([1.0]) == 0


def test_a_row_of_several_seeds_has_their_mean_and_every_command(tmp_path: Path) -> None:
    runs = [
        Trained(tmp_path, f"vaerun train seed={seed}", 1, 1, seed, 2.0, {"elbo/test": -90.0 - 2 * seed})
        for seed in (0, 1)
    ]
    made = seeds.row("kim2018/svi", "test ELBO", runs, "elbo/test", budget="1 epoch", holds=None)
    assert (made.ours, made.error, made.seeds, made.seconds) == (-91.0, 1.0, (0, 1), 4.0)
    assert made.command.splitlines() == [run.command for run in runs]
    one = seeds.row("kim2018/svi", "test ELBO", runs[:1], "elbo/test", budget="1 epoch", holds=None)
    assert (one.ours, one.error, one.quantity) == (-90.0, None, "test ELBO")


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("burda2016")])
def test_the_experiments_of_burda_have_the_networks_of_the_paper(name: str) -> None:
    """Sizes as in experiments.py of the published code, Glorot's weights everywhere, the bias from the data."""
    cfg, choices = composed(name)
    assert cfg.model.bias_from_data
    assert cfg.amortizer.hidden == cfg.model.decoder.hidden == [200, 200]
    groups = ["amortizer", "model/decoder"]
    if "two_layers" in name:
        assert (choices["model"], choices["posterior"]) == ("hierarchical", "layered_gaussian")
        assert cfg.model.layers == [100, 50]
        assert cfg.model.hidden == cfg.posterior.hidden == [100, 100]
        assert cfg.model.activation == cfg.posterior.activation == "tanh"
        groups += ["model", "posterior"]
    else:
        assert cfg.model.latent_dim == 50
    for group in groups:
        assert choices[f"{group}/initial_weights"] == "glorot"


def named(name: str, ours: float, **changes: object) -> Row:
    """A row of another experiment."""
    return replace(row(**changes), name=name, ours=ours)


def test_a_later_sitting_replaces_its_rows_and_says_where_the_others_were_measured() -> None:
    order = ["burda2016/vae_k1", "burda2016/vae_k5", "burda2016/iwae_k5"]
    first = Table("burda2016", "", "", [named(order[2], -89.0), named(order[0], -86.5)], "machine A", "a command")
    same = first.joined(replace(first, rows=[named(order[1], -87.0)]), order)
    assert [(row.name, row.ours, row.machine) for row in same.rows] == [
        (order[0], -86.5, ""),
        (order[1], -87.0, ""),
        (order[2], -89.0, ""),
    ]
    other = same.joined(replace(first, rows=[named(order[2], -88.0)], machine="machine B"), order)
    assert [(row.ours, row.machine) for row in other.rows] == [(-86.5, "machine A"), (-87.0, "machine A"), (-88.0, "")]
    assert f"Measured on machine B; `{order[0]}` on machine A; `{order[1]}` on machine A, by" in other.markdown()
    back = other.joined(replace(first, rows=[named(order[2], -87.5)]), order)
    assert [(row.ours, row.machine) for row in back.rows] == [(-86.5, ""), (-87.0, ""), (-87.5, "")]


def test_only_rows_that_are_not_compared_with_others_can_be_asked_for(monkeypatch, capsys) -> None:
    import reproduce

    for words in (
        ["kim2018", "--only", "kim2018/svi"],
        ["burda2016", "--only", "burda2016/vae"],
        ["--page", "--only", "x"],
    ):
        monkeypatch.setattr(sys, "argv", ["reproduce.py", *words])
        with pytest.raises(SystemExit) as ended:
            reproduce.main()
        assert ended.value.code == 2
        assert "--only: no row of its own is" in capsys.readouterr().err


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = Table("pythae", "a paper", "its README", [row(error=0.1)], "a machine", "a command", ["a remark"])
    (tmp_path / "pythae.json").write_text(table.text())
    assert read(tmp_path / "pythae.json").text() == table.text()


@pytest.mark.slow
def test_a_run_is_trained_once_and_continued_for_a_longer_budget(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(os.environ, "VAERUN_TRUST", "")
    short = Laboratory(tmp_path, short=True)
    words = ("data=digits", "trainer.epochs=3", "evaluation.points=20")
    first = short.train("kim2018/amortized", *words, short=1)
    assert first.budget == "shortened: 1 of 3 epochs"
    assert first.command.endswith("trainer.epochs=1 seed=0")
    assert "iwae_100/test" in first.metrics
    records = (first.folder / "metrics.jsonl").read_text()
    assert short.train("kim2018/amortized", *words, short=1).metrics == first.metrics
    assert (first.folder / "metrics.jsonl").read_text() == records
    whole = Laboratory(tmp_path, short=False).train("kim2018/amortized", *words, short=1)
    assert whole.folder == first.folder
    assert whole.budget == "3 epochs"
    assert whole.records[0]["elbo/train"] == json.loads(records.splitlines()[0])["elbo/train"]
    assert {round(record["epoch"]) for record in whole.records} == {1, 2, 3}
    found = short.evaluate(whole, "bound", "evaluation.points=10")
    assert json.loads((whole.folder / "reproduced.json").read_text())
    assert short.evaluate(whole, "bound", "evaluation.points=10") == found
    assert len((whole.folder / "evaluations.jsonl").read_text().splitlines()) == 1
