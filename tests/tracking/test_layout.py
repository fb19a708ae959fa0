import re
from pathlib import Path

import pytest

from tests.board import ask, serve
from vaerun.tracking.layout import QUESTIONS
from vaerun.tracking.tensorboard import TensorBoard

CHARTS = [chart for _, charts in QUESTIONS.charts for chart in charts]


@pytest.mark.parametrize(
    ("tag", "title"),
    [
        ("elbo/train", "ELBO of the training points"),
        ("pseudo_elbo/valid", "ELBO of the validation points"),
        ("elbo/test", "ELBO and tighter bounds, test points"),
        ("elbo_optimal/test", "ELBO and tighter bounds, test points"),
        ("elbo_optimal_full_gaussian/test", "ELBO and tighter bounds, test points"),
        ("iwae_500/test", "ELBO and tighter bounds, test points"),
        ("pseudo_iwae_500/test", "ELBO and tighter bounds, test points"),
        ("ais/test", "ELBO and tighter bounds, test points"),
        ("log_marginal/test", "ELBO and tighter bounds, test points"),
        ("objective/train", "objective, where it is not the ELBO"),
        ("relaxed_objective/train", "objective, where it is not the ELBO"),
        ("log_likelihood/valid", "E_q[log p(x given z)]"),
        ("kl/train", "KL(q ‖ p(z))"),
        ("approximation_gap/test", "approximation gap: the family"),
        ("approximation_gap_full_gaussian/test", "approximation gap: the family"),
        ("amortization_gap/train", "amortization gap: finding φ"),
        ("inference_gap/test", "inference gap: their sum"),
        ("gradient_variance/score_leave_one_out_theta", "tr Cov of the gradient"),
        ("gradient_snr/own_phi", "signal-to-noise ratio of the gradient"),
        ("inner_steps/test", "steps of the ascent"),
        ("inner_converged/train", "share of the points that have converged"),
        ("refinement/train", "how far φ moves from the guess"),
        ("refinement_gain/train", "nats gained by refinement or restarts"),
        ("restart_gain/valid", "nats gained by refinement or restarts"),
        ("information/train", "mutual information that ends aggressive training"),
        ("gradient_norm/theta", "θ"),
        ("gradient_norm/lam", "λ"),
        ("gradient_norm_phi/train", "φ, mean over points"),
    ],
)
def test_a_tag_answers_one_question_and_its_error_none(tag: str, title: str) -> None:
    assert [chart.title for chart in CHARTS if chart.shows(tag)] == [title]
    quantity, _, rest = tag.partition("/")
    assert not [chart.title for chart in CHARTS if chart.shows(f"{quantity}_se/{rest}")]


@pytest.mark.parametrize("tag", ["spent/seconds", "my_elbo/train", "elbo_se/test", "active_units/test", "ess/test"])
def test_other_tags_answer_none(tag: str) -> None:
    assert not [chart.title for chart in CHARTS if chart.shows(tag)]


def test_titles_tell_charts_apart() -> None:
    assert len({chart.title for chart in CHARTS}) == len(CHARTS)
    assert all(re.compile(expression) for chart in CHARTS for expression in chart.tags)


def test_tensorboard_shows_the_charts_of_every_run_whichever_comes_first(tmp_path: Path) -> None:
    shown = {"a": ["elbo/train"], "b": ["elbo/train", "inner_steps/train"], "c": ["elbo/train", "refinement/train"]}
    for name, tags in shown.items():
        (tmp_path / name).mkdir()
        tracker = TensorBoard(tmp_path / name, layout=QUESTIONS)
        tracker.scalars(1, dict.fromkeys(tags, 1.0))
        tracker.close("completed")
    with serve(tmp_path) as address:
        merged = ask(f"{address}/data/plugin/custom_scalars/layout")["category"]
    assert [category["title"] for category in merged] == [heading for heading, _ in QUESTIONS.charts]
    titles = [chart["title"] for category in merged for chart in category.get("chart", [])]
    assert titles == ["ELBO of the training points", "steps of the ascent", "how far φ moves from the guess"]
