"""Which figures are shown first, which way each is better, and what it is called."""

from vaerun.report.column import column, default


def test_the_runs_own_bounds_come_first_and_those_of_another_q_only_when_asked() -> None:
    present = ["elbo_refined_20/test", "iwae_500/test", "approximation_gap/test", "elbo_optimal/test", "elbo/test"]
    present += ["elbo_coordinate/test", "iwae_100/test", "lost/test", "seconds"]
    shown = ["elbo/test", "iwae_100/test", "iwae_500/test", "approximation_gap/test", "seconds"]
    assert default(present, "test") == shown


def test_every_bound_is_better_higher_and_every_loss_lower() -> None:
    higher = ("elbo", "pseudo_elbo", "iwae_5", "elbo_refined_20", "elbo_optimal_mixture", "iwae_9_optimal", "ais")
    assert all(column(f"{name}/test").better == 1 and column(f"{name}/test").unit == "nat" for name in higher)
    lower = ("lost", "lost_refined_20", "inference_gap", "approximation_gap_full_gaussian")
    assert all(column(f"{name}/test").better == -1 and column(f"{name}/test").unit == "nat" for name in lower)
    assert all(column(f"{name}/test").better == 0 for name in ("kl", "active_units", "elbo_se", "gap_points"))
    assert column("elbo_optimal/test").title == "test ELBO of q*"
