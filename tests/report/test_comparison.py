"""The comparison of fabricated runs: its numbers by hand, its refusals, and the sentence at its end."""

import json
import math

import pytest

import vaerun
from tests.report.fabricate import DATA, config, evaluation, records, run, seeds, summary
from vaerun.errors import UserError
from vaerun.metric.interval import interval
from vaerun.report.cell import cells
from vaerun.report.comparison import compare
from vaerun.report.matched import At
from vaerun.report.recorded import find


@pytest.fixture
def compared(tmp_path):
    """The comparison of what is below tmp_path."""
    return lambda **options: compare(list(find([tmp_path], pytest.fail)), **options)


def values(comparison, name):
    return {row.name: row.samples[name].mean for row in comparison.rows if name in row.samples}


def marks(comparison, name):
    (column,) = [column for column in comparison.columns if column.name == name]
    found = cells(comparison.rows, column)
    return {row.name: cell.mark for row, cell in zip(comparison.rows, found, strict=True) if cell is not None}


def test_one_row_per_configuration_best_first_and_the_seeds_averaged(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0, -27.1, -27.2])
    seeds(tmp_path, "coordinate", [-26.0, -26.2, -26.4], evaluations=21_000)
    made = compared()
    assert [(row.name, row.seeds, row.status) for row in made.rows] == [
        ("coordinate", 3, "completed"),
        ("amortized", 3, "completed"),
    ]
    cell = interval(made.rows[1].samples["elbo/test"])
    assert cell.mean == pytest.approx(-27.1)
    assert cell.half_width == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-6)
    assert [column.name for column in made.columns] == [
        *("elbo/test", "iwae_100/test", "seconds", "decoder_evaluations"),
        *("samples_per_second", "peak_memory", "phi", "lam"),
    ]
    assert values(made, "peak_memory") == {"coordinate": 500.0, "amortized": 500.0}
    assert marks(made, "elbo/test") == {"coordinate": "*", "amortized": ""}
    # Welch by hand: s²/n = 0.01/3 and 0.04/3, 2.94 degrees of freedom, so 2: 4.303 · √(0.05/3).
    assert made.answer == (
        "coordinate is better than amortized by 0.90 ± 0.56 nat of test ELBO (3 seeds), with 21 times the decoder "
        "evaluations."
    )


def test_what_cannot_be_told_apart_is_said(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0, -27.5, -28.0])
    seeds(tmp_path, "joint", [-27.1, -27.4, -27.7])
    seeds(tmp_path, "coordinate", [-37.1, -37.4, -37.7])
    made = compared()
    assert marks(made, "elbo/test") == {"joint": "~", "amortized": "~", "coordinate": ""}
    assert made.answer == (
        "joint and amortized cannot be told apart: they differ by 0.10 ± 1.07 nat of test ELBO (3 seeds), and the 95 % "
        "interval of the difference contains 0; coordinate is worse."
    )


@pytest.mark.parametrize(
    ("of_joint", "said"),
    [
        ({"evaluations": 21_000}, "; joint has used 21 times the decoder evaluations of amortized."),
        ({"evaluations": 500}, "; amortized has used 2.0 times the decoder evaluations of joint."),
        ({"train_seconds": 5.0}, "; amortized has used 2.0 times the training seconds of joint."),
        ({"train_seconds": 9.5}, "contains 0."),
        ({"train_seconds": 5.0, "device": "cuda"}, "contains 0."),
    ],
)
def test_of_two_that_cannot_be_told_apart_the_sentence_names_the_dearer_one(compared, tmp_path, of_joint, said):
    seeds(tmp_path, "amortized", [-27.0, -27.5, -28.0])
    seeds(tmp_path, "joint", [-27.1, -27.4, -27.7], **of_joint)
    assert compared().answer.endswith(said)


def test_one_seed_each_is_held_to_its_points_and_says_so(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0])
    seeds(tmp_path, "joint", [-25.0])
    made = compared()
    assert interval(made.rows[0].samples["elbo/test"]).kind == "points"
    assert made.answer == (
        "joint is ahead of amortized by 2.00 ± 0.55 nat of test ELBO (1 seed each; ± is over test points, not over "
        "seeds), with as many decoder evaluations; with one seed, nothing can be said of other seeds."
    )
    assert marks(made, "elbo/test") == {"joint": "", "amortized": ""}


def test_runs_recorded_before_metrics_were_declared_are_shown_with_plain_names(compared, tmp_path):
    for strategy, elbo in (("amortized", -27.0), ("joint", -26.0)):
        old = {key: value for key, value in summary(elbo=elbo).items() if key != "about"}
        run(tmp_path / strategy, config=config(strategy=strategy), summary=old)
    made = compared()
    assert [(column.name, column.title, column.better) for column in made.columns[:1]] == [
        ("elbo/test", "test elbo", 0)
    ]
    assert values(made, "elbo/test") == {"amortized": -27.0, "joint": -26.0}
    assert marks(made, "elbo/test") == {"amortized": "", "joint": ""}
    assert made.answer == "No metric declares which direction is better, so the rows cannot be sorted."
    run(tmp_path / "new", config=config(strategy="coordinate"), summary=summary(elbo=-25.0))
    made = compared()
    assert made.columns[0].title == "test ELBO"
    assert [row.name for row in made.rows] == ["coordinate", "joint", "amortized"]


def test_a_seed_that_was_run_twice_counts_once(compared, tmp_path):
    import os

    seeds(tmp_path, "amortized", [-27.0, -28.0])
    again = run(tmp_path / "again", config=config(seed=1), summary=summary(seed=1, elbo=-29.0))
    os.utime(again / "summary.json", (2e9, 2e9))
    made = compared()
    assert made.rows[0].samples["elbo/test"].values == (-27.0, -29.0)
    assert f"amortized seed 1, completed: seed 1 was run again in {again}" in made.notes[0]


def test_runs_that_are_not_completed_keep_their_row(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0, -27.1])
    ended = {"status": "diverged", "reason": "elbo/train is nan.", "metrics": {"elbo/test": 99.0}}
    run(tmp_path / "a", config=config(seed=2), summary=ended)
    run(tmp_path / "b", config=config(seed=0, strategy="joint"), summary={"status": "running"})
    run(tmp_path / "c", config=config(seed=0, strategy="coordinate"), summary=None)
    run(tmp_path / "4_score_seed4", config=None, summary={"status": "failed", "reason": "it cannot."})
    made = compared()
    assert {row.name: (row.seeds, row.status) for row in made.rows} == {
        "amortized": (2, "2 completed, 1 diverged"),
        "joint": (0, "running or killed"),
        "coordinate": (0, "unreadable"),
        "score": (0, "failed"),
    }
    assert values(made, "elbo/test") == {"amortized": -27.05}
    told = "\n".join(made.notes)
    assert f"amortized seed 2, diverged: elbo/train is nan ({tmp_path / 'a'})" in told
    assert "joint seed 0, running or killed: it has not come to an end" in told
    assert "score, failed: it cannot (" in told
    assert made.answer.startswith("amortized is the only configuration with a test ELBO, -27.05 ± ")


def test_no_figure_at_all_is_an_answer_too(compared, tmp_path):
    run(tmp_path / "b", config=config(), summary={"status": "running"})
    assert compared().answer == "No run has a bound to compare yet."
    assert compared(at=At("steps", 5)).answer == "At 5 steps, no run has a bound to compare yet."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "b" * 64}, "data sha256 aaaaaaaaaaaa… and bbbbbbbbbbbb…"),
        ({"binarize": "dynamic"}, "binarisation static and dynamic"),
        ({"split_sizes": {"train": 1000, "valid": 497, "test": 300}}, "split sizes 1,297 + 200 + 300 and 1,000 + 497"),
        ({"name": "mnist", "sha256": "b" * 64}, "data digits and mnist"),
    ],
)
@pytest.mark.parametrize("strategy", ["amortized", "joint"])
def test_other_data_are_refused_for_a_mean_and_for_a_comparison(compared, tmp_path, change, said, strategy):
    (first,) = seeds(tmp_path, "amortized", [-27.0])
    other = run(tmp_path / "other", config=config(seed=1, strategy=strategy), summary=summary(data=DATA | change))
    with pytest.raises(UserError) as refusal:
        compared()
    assert f"{first} and {other} do not use the same data: {said}" in str(refusal.value)
    made = compared(mixed=True)
    assert any(note.startswith(f"the data differ: {said}") for note in made.notes)
    assert len(made.rows) == (1 if strategy == "amortized" else 2)


@pytest.mark.parametrize(
    "change", [{"sha256": "b" * 64}, {"binarize": "dynamic"}, {"name": "mnist", "sha256": "b" * 64}]
)
def test_nothing_is_better_on_other_data(compared, tmp_path, change):
    for seed in range(3):
        made = summary(seed=seed, elbo=-20.0 + seed / 100, data=DATA | change)
        run(tmp_path / f"a{seed}", config=config(seed=seed), summary=summary(seed=seed, elbo=-27.0 + seed / 100))
        run(tmp_path / f"j{seed}", config=config(seed=seed, strategy="joint"), summary=made)
    made = compared(mixed=True)
    assert marks(made, "elbo/test") == {"amortized": "", "joint": ""}
    assert made.answer.startswith("The runs use different data (")
    assert made.answer.endswith("no test ELBO here can be called better or worse than another.")


def test_other_data_of_a_run_without_figures_are_no_matter(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0])
    run(tmp_path / "x", config=config(strategy="joint", data__binarize="dynamic"), summary={"status": "running"},
        records=records([-9.0, -8.0]))  # fmt: skip
    assert len(compared().rows) == 2
    with pytest.raises(UserError, match=r"data\.binarize static and dynamic"):
        compared(at=At("steps", 15))  # by its configuration, since it has not come to its end


def test_a_name_alone_is_no_difference(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0])
    run(tmp_path / "x", config=config(seed=3), summary=summary(seed=3, data=DATA | {"name": "the same"}))
    assert compared().rows[0].seeds == 2


def test_bounds_of_different_kinds_have_columns_of_their_own(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0])
    metrics = {"pseudo_elbo/test": -5.0, "iwae_50/test": -4.0, "iwae_5000/test": -3.0}
    run(tmp_path / "x", config=config(strategy="joint"), summary=summary(metrics=metrics))
    made = compared()
    assert [column.name for column in made.columns][:5] == [
        *("elbo/test", "pseudo_elbo/test", "iwae_50/test", "iwae_100/test", "iwae_5000/test")
    ]
    assert values(made, "elbo/test") == {"amortized": -27.0}
    assert any("not a bound on log p(x)" in note for note in made.notes)
    assert made.answer.startswith("amortized is the only configuration with a test ELBO, ")


def test_gaps_and_signals_of_later_evaluations(compared, tmp_path):
    for place, (first, gap) in enumerate([(0.5, 0.9), (-0.1, 1.1)]):
        lines = [evaluation({"approximation_gap/test": first, "amortization_gap/test": gap, "gradient_snr/phi": 3.0})]
        if place:
            lines[0]["data"]["points"] = 100
        run(
            tmp_path / f"{place}",
            config=config(strategy=("joint", "amortized")[place]),
            summary=summary(),
            evaluations=lines,
        )
    made = compared(sort="amortization_gap")
    assert [row.name for row in made.rows] == ["joint", "amortized"]
    names = [column.name for column in made.columns]
    assert names[2:4] == ["approximation_gap/test", "amortization_gap/test"]
    assert names[-1] == "gradient_snr/phi"
    assert marks(made, "amortization_gap/test") == {"joint": "", "amortized": ""}  # one seed each
    assert marks(made, "approximation_gap/test") == {"joint": "", "amortized": ""}  # a negative gap is none
    told = "\n".join(made.notes)
    assert "the test approximation gap of amortized is below 0, which is impossible in theory" in told
    assert "amortization_gap/test was computed with points=100 and 300" in told
    assert "elbo/test was computed" not in told
    assert made.answer.startswith(
        "joint is ahead of amortized by 0.20 nat of test amortization gap (1 seed each, no interval)"
    )


def test_a_negative_gap_wins_nothing(compared, tmp_path):
    for strategy, gap in (("joint", -0.5), ("amortized", 0.1), ("coordinate", 0.3)):
        for seed in range(2):
            lines = [evaluation({"approximation_gap/test": gap + 0.001 * seed})]
            made = config(strategy=strategy, seed=seed)
            run(tmp_path / f"{strategy}{seed}", config=made, summary=summary(seed=seed), evaluations=lines)
    made = compared(sort="approximation_gap")
    assert marks(made, "approximation_gap/test") == {"joint": "", "amortized": "*", "coordinate": ""}
    assert made.answer.startswith("amortized is better than coordinate by 0.200 ± 0.003 nat of ")


def test_columns_and_order_may_be_chosen(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0], train_seconds=5.0)
    seeds(tmp_path, "joint", [-26.0], train_seconds=9.0)
    made = compared(shown=["kl", "seconds", "elbo/test"], sort="seconds")
    assert [column.name for column in made.columns] == ["kl/test", "seconds", "elbo/test"]
    assert [row.name for row in made.rows] == ["amortized", "joint"]
    assert [row.name for row in compared(sort="elbo").rows] == ["joint", "amortized"]
    assert [row.name for row in compared(sort="name").rows] == ["amortized", "joint"]
    with pytest.raises(UserError, match="Did you mean 'seconds'"):
        compared(sort="secnds")
    with pytest.raises(UserError, match="Did you mean 'elbo'"):
        compared(shown=["elb"])


def test_at_equal_cost_the_curves_are_read_and_who_has_not_come_so_far_is_marked(compared, tmp_path):
    def add(strategy, seed, curve, pace=0.1, **more):
        made = config(seed=seed, strategy=strategy)
        run(
            tmp_path / f"{strategy}{seed}",
            config=made,
            summary=summary(seed=seed, **more),
            records=records(curve, pace=pace),
        )

    add("amortized", 0, [-9.0, -8.0, -7.0])
    add("amortized", 1, [-9.2, -8.2, -7.2])
    add("amortized", 2, [-9.2])
    add("joint", 0, [-6.0, -5.0, None], status="diverged", reason="nan.", metrics={})
    add("joint", 1, [-6.0, None, None], pace=1.0)
    made = compared(at=At("steps", 25))
    assert values(made, "elbo/valid") == pytest.approx({"joint": -5.0, "amortized": -8.1})
    assert values(made, "steps") == {"joint": 20, "amortized": 20}
    assert [column.name for column in made.columns] == [
        *("elbo/valid", "steps", "seconds", "decoder_evaluations", "phi", "lam")
    ]
    told = "\n".join(made.notes)
    assert "amortized seed 2, completed: it has reached only 10 steps (" in told
    assert "joint seed 0, diverged: nan (" in told
    assert "joint seed 1, completed: its validation bound is not finite at step 20" in told
    assert made.answer.startswith("At 25 steps, joint is ahead of amortized by 3.10 ± ")
    assert "valid ELBO (1 and 2 seeds)" in made.answer
    at_seconds = compared(at=At("seconds", 2.0))
    assert values(at_seconds, "elbo/valid") == pytest.approx({"joint": -5.0, "amortized": -8.1})
    assert "times the" not in compared(at=At("decoder_evaluations", 2000)).answer


def test_validation_over_other_points_and_other_machines_are_said(compared, tmp_path):
    for place, points in enumerate((1000, 500)):
        made = config(strategy=("joint", "amortized")[place], trainer__validation={"points": points})
        run(tmp_path / f"{place}", config=made, summary=summary(threads=place), records=records([-3.0, -2.0]))
    told = "\n".join(compared(at=At("steps", 10)).notes)
    assert "elbo/valid was computed with trainer.validation.points=1000 and 500" in told
    assert "different machines: cpu, 0 threads; cpu, 1 thread" in told


def add(root, strategy, elbos, train=1297, memory=(), **keys):
    for seed, elbo in enumerate(elbos):
        about = summary(seed=seed, elbo=elbo, data=DATA | {"split_sizes": {"train": train, "valid": 200, "test": 300}})
        about |= {"peak_memory_bytes": memory[seed]} if memory else {}
        run(root / f"{strategy}{seed}{keys}", config=config(seed=seed, strategy=strategy, **keys), summary=about)


def test_different_budgets_are_said_first(compared, tmp_path):
    add(tmp_path, "amortized", [-27.0, -27.1], trainer={"epochs": 40, "batch_size": 100})
    add(tmp_path, "coordinate", [-30.0, -30.1], trainer={"epochs": 5, "batch_size": 100})
    made = compared()
    assert [row.name for row in made.rows] == ["amortized epochs=40", "coordinate epochs=5"]
    assert made.budgets == {"trainer.epochs": ["40", "5"]}
    assert made.answer.startswith("The budgets differ (trainer.epochs 40 and 5): amortized epochs=40 is better than ")


def test_a_text_about_the_values_is_no_budget(compared, tmp_path):
    for strategy, said in (("amortized", "in [0, 1]"), ("joint", "in [0, 1]; 3 test points are also in train")):
        about = summary(data=DATA | {"values": said})
        run(tmp_path / strategy, config=config(strategy=strategy), summary=about)
    assert compared().budgets == {}


def test_python_is_warned_of_what_the_shell_prints_below_the_table(tmp_path):
    add(tmp_path, "amortized", [-27.0], trainer={"epochs": 40, "batch_size": 100})
    run(
        tmp_path / "joint",
        config=config(strategy="joint", trainer={"epochs": 5, "batch_size": 100}),
        summary=summary(elbo=-26.0, warnings=["a schedule was cut off"]),
    )
    with pytest.warns(UserWarning, match="budgets|cut off") as said:
        rows = vaerun.compare(tmp_path)
    assert [row["name"] for row in rows] == ["joint epochs=5", "amortized epochs=40"]
    assert [str(one.message) for one in said] == [
        "the budgets differ: trainer.epochs 5 and 40",
        "joint epochs=5 seed 0: a schedule was cut off",
    ]
    assert {one.filename for one in said} == {__file__}


def test_warnings_that_differ_in_their_numbers_alone_share_a_line(compared, tmp_path):
    texts = (
        ["0.46 nat is left to gain", "cut off"],
        ["0.48 nat is left to gain", "cut off"],
        ["0.5 s are left", "the column n1 is cut", "the column n2 is cut"],
    )
    for seed, warnings in enumerate(texts):
        about = summary(elbo=-26.0 - seed / 10, warnings=warnings)
        run(tmp_path / str(seed), config=config(strategy="joint", seed=seed), summary=about)
    assert [note for note in compared().notes if note.startswith("joint")] == [
        "joint seeds 0, 1 (the numbers are those of seed 0): 0.46 nat is left to gain",
        "joint seeds 0, 1: cut off",
        "joint seed 2: 0.5 s are left",
        "joint seed 2: the column n1 is cut",
        "joint seed 2: the column n2 is cut",
    ]


def test_a_number_of_training_points_and_a_batch_size_are_budgets_at_equal_cost_too(compared, tmp_path):
    for place, (strategy, train, size) in enumerate((("amortized", 1297, 10), ("joint", 500, 20))):
        about = summary(data=DATA | {"split_sizes": {"train": train, "valid": 200, "test": 300}})
        made = config(strategy=strategy, trainer={"epochs": place, "batch_size": size})
        run(tmp_path / strategy, config=made, summary=about, records=records([-3.0, -2.0]))
    made = compared(at=At("steps", 10), mixed=True)
    assert made.budgets == {"trainer.batch_size": ["10", "20"], "training points": ["1297", "500"]}
    assert made.answer.startswith("The budgets differ (trainer.batch_size 10 and 20, training points 1297 and 500): at")


def test_costs_within_a_tenth_and_of_different_machines_have_no_best(compared, tmp_path):
    add(tmp_path, "amortized", [-27.0, -27.1], memory=(309_000_000, 309_100_000))
    add(tmp_path, "joint", [-26.0, -26.1], memory=(310_000_000, 310_100_000))
    add(tmp_path, "coordinate", [-25.0, -25.1], memory=(900_000_000, 910_000_000))
    made = compared()
    assert marks(made, "peak_memory") == {"amortized": "~", "joint": "~", "coordinate": ""}
    add(tmp_path, "alternating", [-24.0, -24.1], memory=(100_000_000, 101_000_000))
    assert marks(compared(), "peak_memory")["alternating"] == "*"
    for path in tmp_path.glob("alternating*/summary.json"):
        path.write_text(path.read_text().replace('"threads": 1', '"threads": 8'))
    assert marks(compared(), "peak_memory")["alternating"] == ""


def test_a_difference_that_is_written_like_its_interval_decides_nothing(compared, tmp_path):
    # Welch: 4.303 · √(0.02 / 2) = 0.430 at 2 degrees of freedom; the difference is 0.433.
    add(tmp_path, "amortized", [-27.0, -27.0 - 2**0.5 / 10])
    add(tmp_path, "joint", [-27.0 + 0.433, -27.0 - 2**0.5 / 10 + 0.433])
    made = compared()
    assert "by 0.43 ± 0.43 nat" in made.answer
    assert made.answer.startswith("joint and amortized cannot be told apart")


def raced(folder, answer="b is better than a.", **more):
    (folder / "race.json").write_text(json.dumps({"answer": answer, "table": ["race, b: 5 seeds"], **more}))


def test_the_answer_for_the_runs_of_a_race_is_that_of_the_race(compared, tmp_path):
    seeds(tmp_path, "amortized", [-27.0, -27.1, -27.2])
    seeds(tmp_path, "coordinate", [-26.0, -26.2, -26.4])
    assert "*" in marks(compared(), "elbo/test").values()
    raced(tmp_path, further="hydra.sweeper.max_seeds=40")
    made = compared()
    assert made.answer == f"b is better than a. More seeds: vaerun sweep {tmp_path} hydra.sweeper.max_seeds=40"
    assert set(marks(made, "elbo/test").values()) == {""}
    assert "race, b: 5 seeds" in made.notes
    raced(tmp_path, further="; rm x")
    assert compared().answer == "b is better than a."
    (tmp_path / "race.json").write_text("{")
    assert "race.json is damaged" in compared().answer


def test_runs_of_a_race_beside_others_have_no_ordinary_answer(compared, tmp_path):
    seeds(tmp_path / "s", "amortized", [-27.0, -27.1, -27.2])
    seeds(tmp_path / "other", "coordinate", [-26.0, -26.2, -26.4])
    raced(tmp_path / "s")
    made = compared()
    assert made.answer.startswith(
        "This table does not say which configuration is better, because it has runs of a race"
    )
    assert set(marks(made, "elbo/test").values()) == {""}


def test_the_elbo_is_of_all_test_points_whatever_the_evaluation(compared, tmp_path):
    for strategy, points in (("joint", 10), ("amortized", 20)):
        run(tmp_path / strategy, config=config(strategy=strategy, evaluation={"points": points}), summary=summary())
    told = "\n".join(compared().notes)
    assert "iwae_100/test was computed with points=10 and 20" in told
    assert "elbo/test was computed" not in told
