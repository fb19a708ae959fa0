"""Which columns are shown first, which direction is better, and how a column is called."""

from tests.report.fabricate import DECLARED
from vaerun.evaluation.cross import COORDINATE, lost, refined
from vaerun.evaluation.gap_metrics import elbo_optimal, iwae_optimal
from vaerun.metric.metric import Metric, by_name
from vaerun.report.column import column, default

OTHERS = (COORDINATE, refined(20), lost(refined(20)), elbo_optimal("mixture"), iwae_optimal(9))
KNOWN = {**DECLARED, **by_name(OTHERS)}


def test_the_runs_own_bounds_come_first_and_those_of_another_q_only_when_asked() -> None:
    present = ["elbo_refined_20/test", "iwae_500/test", "approximation_gap/test", "elbo_optimal/test", "elbo/test"]
    present += ["elbo_coordinate/test", "iwae_100/test", "lost/test", "seconds", "elbo_se/test", "elbo/valid"]
    present += ["gradient_snr/own_phi"]
    shown = ["elbo/test", "iwae_100/test", "iwae_500/test", "approximation_gap/test", "seconds", "gradient_snr/own_phi"]
    assert default(present, "test", KNOWN) == shown


def test_every_bound_is_better_higher_and_every_loss_lower() -> None:
    higher = ("elbo", "pseudo_elbo", "iwae_5", "elbo_refined_20", "elbo_optimal_mixture", "iwae_9_optimal", "ais")
    made = [column(f"{name}/test", KNOWN) for name in (*higher, "log_marginal")]
    assert all(one.better == 1 and one.unit == "nat" for one in made)
    lower = ("lost_refined_20", "inference_gap", "approximation_gap_mixture")
    assert all((found := column(f"{name}/test", KNOWN)).better == -1 and found.unit == "nat" for name in lower)
    assert all(column(f"{name}/test", KNOWN).better == 0 for name in ("kl", "elbo_se", "never_declared"))
    assert column("elbo_optimal/test", KNOWN).title == "test ELBO of q*"
    assert column("gradient_snr/own_phi", KNOWN).title == "gradient SNR own_phi"


def test_the_order_of_a_metric_decides_its_place() -> None:
    mine = by_name((Metric("mine", "my own", order=5), Metric("last", "my last", order=700)))
    present = ["elbo/test", "mine/test", "last/test", "seconds", "iwae_5/test", "mine/valid"]
    assert default(present, "test", {**KNOWN, **mine}) == [
        "elbo/test",
        "mine/test",
        "iwae_5/test",
        "seconds",
        "last/test",
    ]


def test_without_declarations_what_has_an_error_is_shown() -> None:
    assert default(["elbo/test", "elbo_se/test", "kl/test", "seconds"], "test", {}) == ["elbo/test", "seconds"]
