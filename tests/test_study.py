"""A study from end to end, as a stranger does it: a sweep, evaluations, the comparison and the report."""

import json
from pathlib import Path

import pytest

from tests import forked

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.slow

STRATEGIES = ("amortized", "joint", "coordinate")
QUICK = ("trainer.epochs=6", "trainer.records.images_every=6", "evaluation.num_samples=10", "model.latent_dim=4")


def vaerun(*words: str, cwd: Path) -> str:
    """What the command prints; it must end well."""
    done = forked.vaerun(*words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sweep_is_evaluated_compared_and_reported(tmp_path: Path) -> None:
    sweep = f"strategy={','.join(STRATEGIES)}"
    vaerun("train", "-m", sweep, "seed=0,1", *QUICK, "hydra.sweep.dir=runs/sweep", cwd=tmp_path)
    runs = sorted((tmp_path / "runs" / "sweep").glob("*_seed*"))
    assert len(runs) == 6
    words = ("evaluation=gap", "evaluation.points=20", "evaluation.num_samples=500", "evaluation.temperatures=50")
    found = json.loads(vaerun("eval", "runs/sweep", *words, "--json", cwd=tmp_path))
    for result in found:
        figures = result["metrics"]
        assert figures["approximation_gap/test"] > -figures["approximation_gap_se/test"]
        assert figures["amortization_gap/test"] > -2 * figures["amortization_gap_se/test"]
        assert figures["inference_gap/test"] == pytest.approx(
            figures["approximation_gap/test"] + figures["amortization_gap/test"], abs=1e-4
        )
        assert result["data"]["points"] == 20
        assert (tmp_path / result["run"] / result["points"] / "points.npz").exists()
    # With an encoder L_K rises by more than its noise; where q is nearly p(z given x) it does not from K = 10 on.
    encoded = next(run for run in runs if "amortized" in run.name)
    bounds = []
    for k in (1, 10, 1000):
        marginal = ("evaluation=marginal", f"evaluation.num_samples={k}", "--json")
        (result,) = json.loads(vaerun("eval", str(encoded), *marginal, cwd=tmp_path))
        bounds.append(result["metrics"][f"iwae_{k}/test"])
    assert bounds == sorted(bounds)
    comparison = json.loads(vaerun("compare", "runs", "--json", cwd=tmp_path))
    rows = {row["name"]: row for row in comparison["rows"]}
    assert set(rows) == set(STRATEGIES)
    for row in rows.values():
        assert row["values"]["elbo/test"]["seeds"] == 2
        assert row["values"]["amortization_gap/test"]["seeds"] == 2
    # An encoder misses the best φ by more than an ascent does.
    gaps = {name: row["values"]["amortization_gap/test"]["mean"] for name, row in rows.items()}
    assert gaps["amortized"] > gaps["coordinate"]
    vaerun("report", "runs", cwd=tmp_path)
    page = (tmp_path / "runs" / "report" / "index.html").read_text()
    assert comparison["answer"] in page
    assert all(strategy in page for strategy in STRATEGIES)
