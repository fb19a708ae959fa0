"""docs/strategies.md: every figure comes from the stored runs, and every cell of the comparison can be run."""

import copy
import re
import sys
from pathlib import Path

import pytest

from vaerun.config.check import check
from vaerun.config.hydra import compose, roots
from vaerun.errors import UserError

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from reproduction.strategies import files, measure, tables
from reproduction.strategies import run as running
from reproduction.strategies.grid import BATCH, BUDGETS, FAMILIES, FIXED, STRATEGIES, Budget, Cell, cells
from reproduction.strategies.page import PAGE, PICTURE, STORED, filled
from reproduction.strategies.picture import drawn_from
from reproduction.strategies.results import Mean, Results, mean, read
from reproduction.strategies.verdict import BLOCKS, above, verdict

COMBINATIONS = [cell[:3] for cell in cells(0)]


@pytest.fixture
def stored() -> Results:
    return read(STORED)


def test_the_page_is_what_the_stored_runs_say(stored: Results) -> None:
    assert filled(PAGE.read_text(), stored) == PAGE.read_text(), "run: python scripts/reproduce.py --page"


def test_the_picture_is_drawn_from_the_stored_runs(stored: Results) -> None:
    assert drawn_from(stored) in PICTURE.read_text(), "run: python scripts/reproduce.py --page"


def test_the_stored_runs_are_read_as_they_were_written(stored: Results) -> None:
    assert stored.text() == STORED.read_text()
    assert stored.budget in BUDGETS
    for cell, run in stored.runs.items():
        assert cell[:3] in COMBINATIONS
        for budget, found in zip(stored.budgets, [*run["earlier"], run["at"]], strict=True):
            for name, limit in budget._asdict().items():
                # A bound at K = 500 is above the ELBO; a budget is reached, and exceeded by less than one step.
                assert found[name]["iwae"] > found[name]["elbo"] - 0.05
                assert found[name][name] >= limit


@pytest.mark.slow
@pytest.mark.parametrize("part", ["elbo", "iwae", "valid", "seconds", "evaluations", "steps", "test_seconds"])
def test_a_stored_figure_that_was_changed_by_hand_is_found(stored: Results, part: str) -> None:
    changed = copy.deepcopy(stored)
    by = -100 if part == "valid" else 7
    for run in changed.runs.values():
        for measured in run["at"].values():
            measured[part] += by
    assert filled(PAGE.read_text(), changed) != PAGE.read_text()
    assert (drawn_from(changed) == drawn_from(stored)) == (part != "elbo")
    early = copy.deepcopy(stored)
    next(iter(early.runs.values()))["earlier"][0]["evaluations"]["elbo"] += 7
    assert filled(PAGE.read_text(), early) != PAGE.read_text()
    assert drawn_from(early) != drawn_from(stored)


@pytest.mark.slow
def test_a_figure_of_the_page_that_was_changed_by_hand_is_found(stored: Results) -> None:
    page = PAGE.read_text()
    inside = [(m.start(), m.end()) for m in re.finditer(r"<!-- begin.*?<!-- end", page, re.DOTALL)]
    figures = [m for m in re.finditer(r"−\d+\.\d\d", page) if any(a < m.start() < b for a, b in inside)]
    assert len(figures) > 100
    for figure in (figures[0], figures[len(figures) // 2], figures[-1]):
        changed = page[: figure.start()] + "−7.77" + page[figure.end() :]
        assert filled(changed, stored) == page != changed


def test_no_part_has_a_name_in_place_of_its_figure(stored: Results) -> None:
    assert not [text for text in tables.sections(stored).values() if "{" in text]


def test_the_words_around_the_figures_have_no_measured_numbers() -> None:
    page = re.sub(r"<!-- begin.*?<!-- end", "", PAGE.read_text(), flags=re.DOTALL)
    assert not re.search(r"[−-]?\d+\.\d", page)


def test_what_the_words_of_the_page_say_holds_in_the_stored_runs(stored: Results) -> None:
    def elbo(view: Results, block: tuple[str, str], name: str, budget: str = "evaluations") -> float:
        return view.mean((*block, name), "at", budget, "elbo").value

    def best(view: Results, block: tuple[str, str], budget: str) -> str:
        return max(STRATEGIES, key=lambda name: elbo(view, block, name, budget))

    # Little training: amortized. More training: no longer.
    for budget in Budget._fields:
        assert {best(stored.at_budget(0), block, budget) for block in BLOCKS if block[0] != "missing"} == {"amortized"}
        assert sum(best(stored, block, budget) == "amortized" for block in BLOCKS) < len(BLOCKS) / 2
    assert sum(tables.lower(stored, block, "amortized") for block in BLOCKS) > len(BLOCKS) / 2
    # The encoder overfits, θ does not.
    ascent = [
        max(STRATEGIES, key=lambda name: stored.mean((*block, name), "more", "cross", "elbo_coordinate").value)
        for block in BLOCKS
    ]
    assert ascent.count("amortized") > len(BLOCKS) / 2
    lost = {name: tables.spread(stored, name, "more", "gap", "amortization") for name in STRATEGIES}
    assert lost["amortized"][0] > 1
    assert lost["semi_amortized"][1] < 0.5
    for view in (stored, stored.stopped()):
        places = tables.ranks(view, "seconds")
        assert min(places, key=lambda name: places[name]) == "semi_amortized"
    # joint needs visits.
    for data in ("mnist", "fashion_mnist"):
        for family in FAMILIES:
            above_amortized = elbo(stored, (data, family), "joint") > elbo(stored, (data, family), "amortized")
            assert above_amortized == (family != "mixture")
            visits = 75 if family == "mixture" else 150
            assert stored.mean((data, family, "joint"), "at", "evaluations", "steps").value * BATCH == visits * 1000
    for family in FAMILIES:
        of_theta = {name: theta for name, (theta, _) in tables.apart(stored, ("missing", family)).items()}
        assert min(of_theta, key=lambda name: of_theta[name]) == "joint"
    for view, budget in tables.views(stored).values():
        winners = [best(view, block, budget) for block in BLOCKS]
        for name in ("alternating", "iterative_amortized", "coordinate", "aggressive"):
            assert winners.count(name) <= 1
    for block in BLOCKS:
        steps = {name: stored.mean((*block, name), "at", "evaluations", "steps").value for name in STRATEGIES}
        assert steps["joint"] == steps["amortized"]
        for name in ("coordinate", "aggressive"):
            assert steps[name] < steps["amortized"] / 2


def test_the_words_of_the_page_have_the_sizes_of_the_script() -> None:
    page = PAGE.read_text()
    assert f"within its {measure.SEARCH} steps" in page
    assert f"ascents of at most {measure.SEARCH} steps. Each is the mean over {measure.POINTS} test points" in page
    assert f"for at most {measure.ENCODER_EPOCHS} epochs at fixed θ" in page
    assert FIXED["joint"] == FIXED["coordinate"] == ("strategy.test_steps=100",)
    assert "ascents of at most 100 steps for each point" in page
    assert "posterior.flows=2" in FAMILIES["flow"]
    assert "`planar` with two layers" in page
    assert "posterior.components=2" in FAMILIES["mixture"]
    assert "`mixture` has two components" in page


def test_marks_without_a_part_are_refused(stored: Results) -> None:
    with pytest.raises(ValueError, match="must have the marks"):
        filled(PAGE.read_text() + "\n<!-- begin nothing -->\n<!-- end nothing -->\n", stored)
    with pytest.raises(ValueError, match="must have the marks"):
        filled("# A page\n", stored)


@pytest.mark.slow
@pytest.mark.parametrize("combination", COMBINATIONS, ids="/".join)
def test_vaerun_takes_or_refuses_a_cell_as_the_page_says(stored: Results, combination: tuple[str, str, str]) -> None:
    cfg, choices = compose(Cell(*combination, seed=0).words("folder"))
    assert "/".join(combination) not in stored.refused
    check(cfg, choices, roots())


def example(values: dict[str, list[float]]) -> Results:
    """Results of one block with the given ELBOs of seeds 0, 1, …"""
    results = Results("short", ["a machine"])
    for strategy, elbos in values.items():
        for seed, elbo in enumerate(elbos):
            at = {"evaluations": figures(elbo), "seconds": figures(elbo)}
            results.runs[Cell("mnist", "gaussian", strategy, seed)] = {"at": at, "earlier": [], "machine": 0}
    return results


def figures(elbo: float, valid: float = -1.0) -> dict[str, float]:
    """What is stored of a training at one budget."""
    costs = {"seconds": 1.0, "evaluations": 1, "steps": 1, "test_seconds": 1.0}
    return {"elbo": elbo, "iwae": elbo, "valid": valid, **costs}


def trained(elbos: list[float], valid: list[float]) -> dict[str, object]:
    """A training with these bounds at its budgets."""
    *earlier, at = [dict.fromkeys(Budget._fields, figures(*both)) for both in zip(elbos, valid, strict=True)]
    return {"at": at, "earlier": earlier, "machine": 0}


def test_earlier_budgets_and_stopping_by_validation_take_the_figures_of_their_budget() -> None:
    results = Results("full", ["a machine"])
    for seed in range(3):  # the test ELBO has its maximum at the second budget, and validation at the first
        results.runs[Cell("mnist", "gaussian", "joint", seed)] = trained(
            [-30.0, -10.0, -20.0 - 0.1 * seed], valid=[-1.0, -2.0, -3.0]
        )
    joint = ("mnist", "gaussian", "joint")
    found = [results.at_budget(place).mean(joint, "at", "seconds", "elbo") for place in range(3)]
    assert [round(one.value, 1) for one in found if one] == [-30.0, -10.0, -20.1]
    assert [results.at_budget(place).limits for place in range(3)] == list(BUDGETS["full"])
    assert results.stopped().mean(joint, "at", "seconds", "elbo") == Mean(-30.0, 0.0, 3)
    assert "joint in 1 of 1" in "".join(tables.falling(results))
    grown = Results("full", ["a machine"])
    for cell in results.runs:
        grown.runs[cell] = trained([-30.0, -20.0, -10.0], valid=[-3.0, -2.0, -1.0])
    assert "joint in 0 of 1" in "".join(tables.falling(grown))
    assert grown.stopped().runs == grown.runs


def test_a_strategy_is_better_only_if_the_interval_of_the_paired_difference_says_so() -> None:
    noisy = {"amortized": [-10.0, -20.0, -30.0], "joint": [-11.0, -21.01, -30.99]}
    found = verdict(example(noisy), ("mnist", "gaussian"), "evaluations")
    assert found is not None
    assert found.best == "amortized"
    assert found.clear  # the seeds differ by more than the strategies, but the differences are always 1
    one = verdict(example({name: elbos[:1] for name, elbos in noisy.items()}), ("mnist", "gaussian"), "evaluations")
    assert one is not None
    assert one.open == ("joint",)  # one seed tells nothing
    swapped = {"amortized": [-10.0, -20.0, -30.0], "joint": [-11.0, -19.0, -33.0]}
    open_one = verdict(example(swapped), ("mnist", "gaussian"), "evaluations")
    assert open_one is not None
    assert open_one.open == ("joint",)
    assert verdict(example({}), ("mnist", "gaussian"), "evaluations") is None


def test_an_interval_has_student_s_quantile_at_the_level_of_six_comparisons() -> None:
    # t with ν = 2 at 1 − 0.05/6: P(|T| ≤ 10.886) = 0.99167; for ν = 2, P(|T| ≤ t) = t / √(2 + t²).
    level = 1 - 0.05 / 6
    t = level * (2 / (1 - level**2)) ** 0.5
    assert above(Mean(1.001 * t, 1.0, 3))
    assert not above(Mean(0.999 * t, 1.0, 3))
    assert not above(Mean(5.0, None, 1))
    assert not above(Mean(5.0, 0.001, 2))  # two seeds are too few for a verdict
    assert not above(None)


def test_a_mean_has_the_standard_error_over_seeds() -> None:
    assert mean([1.0, 2.0, 3.0]) == Mean(2.0, pytest.approx((1 / 3) ** 0.5), 3)
    assert mean([1.0]) == Mean(1.0, None, 1)
    assert example({"joint": [1.0, 3.0]}).mean(("mnist", "gaussian", "joint"), "at", "seconds", "elbo") == Mean(2, 1, 2)


def test_fewer_seeds_and_missing_cells_are_said() -> None:
    text = tables.bounds(example({"amortized": [-10.0, -12.0], "joint": [-11.0]}), "evaluations")
    assert "| MNIST | amortized | −11.00 ± 1.00 | −11.00 ± 1.00 |" in text
    assert "| MNIST | joint | −11.00 | −11.00 |  |  |  |  | 1, 0, 0 |" in text


def test_a_combination_that_vaerun_refuses_is_shown_with_its_sentence() -> None:
    results = example({"amortized": [-10.0]})
    results.refused["mnist/gaussian/joint"] = "a sentence of vaerun."
    assert "| MNIST | joint | refused | refused |  |  |  |  | 0 |" in tables.bounds(results, "evaluations")
    assert "- Refused by vaerun: `mnist/gaussian/joint`: a sentence of vaerun." in tables.limits(results)


class FakeLab:
    """Counts what it is asked for, refuses one strategy, and is interrupted at the third training."""

    def __init__(self, *_: object) -> None:
        self.asked: list[Cell] = []

    def without_latents(self, name: str) -> float:
        return -1.0

    def train(self, cell: Cell) -> dict[str, object]:
        self.asked.append(cell)
        if cell.strategy == "coordinate":
            raise UserError("a sentence.")
        if len(self.asked) > 2:
            raise KeyboardInterrupt
        return {"at": {"evaluations": figures(-1.0), "seconds": figures(-1.0)}, "earlier": []}


def test_an_interrupted_comparison_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, labs = tmp_path / "strategies.json", [FakeLab(), FakeLab()]
    monkeypatch.setattr(running, "Lab", lambda *_: labs.pop(0))
    monkeypatch.setattr(running.files, "write", lambda *_: None)
    first, second = labs
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            running.run(stored, tmp_path, None, budget="short", machine="a machine")
    assert [cell.strategy for cell in first.asked] == ["amortized", "joint", "coordinate", "alternating"]
    assert [cell.strategy for cell in second.asked] == ["alternating", "aggressive", "semi_amortized"]
    found = read(stored)
    assert [cell.strategy for cell in found.runs] == ["aggressive", "alternating", "amortized", "joint"]
    assert found.refused == {"mnist/gaussian/coordinate": "a sentence."}
    assert found.machines == ["a machine"]


@pytest.mark.slow
def test_a_cell_is_trained_up_to_its_budgets_and_tested_as_the_command_tests_it(tmp_path: Path) -> None:
    import numpy as np
    from reproduction.strategies.measure import Lab

    import vaerun

    np.save(tmp_path / "missing.npy", files.table())
    budgets = (Budget(seconds=0.1, evaluations=1000), Budget(seconds=0.2, evaluations=2000))
    cell = Cell("missing", "gaussian", "amortized", 3)
    lab = Lab(tmp_path / "runs", tmp_path, budgets)
    experiment = lab.experiment(cell)
    assert len(experiment.data.train) == files.TABLE_TRAIN
    assert experiment.batch_size == BATCH
    trained = lab.train(cell)
    (found,) = trained["earlier"]
    assert found["evaluations"]["evaluations"] == 1000
    assert found["evaluations"]["steps"] == 20
    assert 0.1 <= found["seconds"]["seconds"] <= trained["at"]["seconds"]["seconds"]
    assert trained["at"]["seconds"]["seconds"] >= 0.2
    assert trained["at"]["evaluations"]["evaluations"] == 2000
    words = [*cell.words(str(tmp_path))[:-1], "trainer.max_decoder_evaluations=1000", "execution.threads=1"]
    run = vaerun.train(*words, "evaluation.num_samples=500", seed=3, directory=tmp_path / "run")
    assert run.summary["metrics"]["elbo/test"] == pytest.approx(found["evaluations"]["elbo"], abs=1e-4)
    assert run.summary["metrics"]["iwae_500/test"] == pytest.approx(found["evaluations"]["iwae"], abs=1e-4)


def test_the_count_table_and_the_table_are_what_the_page_says() -> None:
    counts = files.counts()
    assert [len(counts[name]) for name in ("train", "valid", "test")] == [files.TRAIN, files.VALID, files.TEST]
    assert (counts["train"] == counts["train"].round()).all()
    assert counts["train"].min() == 0
    assert counts["train"].var() > 2 * counts["train"].mean()  # more than Poisson counts vary
    assert files.table().shape == (569, 30)
    assert set(FAMILIES) == {"gaussian", "flow", "mixture"}
    conf = Path(__file__).parents[1] / "conf" / "strategy"
    assert set(STRATEGIES) == {path.stem for path in conf.glob("*.yaml")}
