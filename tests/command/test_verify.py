"""vaerun verify: what it prints, and the exit codes."""

import json
import os
from pathlib import Path

import pytest

from vaerun import cli
from vaerun.command import verify
from vaerun.verify import estimator
from vaerun.verify.claim import by_chance, left_out, raised, seen, within
from vaerun.verify.replicas import BATCHES

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimator, "MOST", BATCHES)
    for name in ("HYDRA_FULL_ERROR", "VAERUN_TRACEBACK"):  # the command sets them for its own process
        monkeypatch.setenv(name, "0")


def run(words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    os.environ["HYDRA_FULL_ERROR"] = "0"
    code = cli.dispatch(["verify", *words.split()])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_right_method_is_certified_and_the_last_line_counts(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("estimator=disarm objective=elbo --device cpu", capsys)
    assert code == 0
    *rows, last = out.splitlines()
    assert rows[0].split() == ["method", "problem", "claimed", "measured", "z", "or", "error", "verdict"]
    assert all(row.endswith("holds") for row in rows[1:])
    assert last.partition(" ")[0].isdecimal()
    assert last.endswith("claims hold")


def test_json_is_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run("estimator=enumerate posterior=bernoulli objective=elbo --seed=3 --json", capsys)
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["fail"] == 0
    assert document["seed"] == 3
    assert document["hold"] == len(document["claims"])
    assert {claim["verdict"] for claim in document["claims"]} == {"holds"}


def test_a_users_own_estimator_is_tried_like_any_other(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "estimator").mkdir()
    for name, kind in (("mine", "Path"), ("flipped", "FlippedSign"), ("stumbles", "Stumbles")):
        (tmp_path / "estimator" / f"{name}.yaml").write_text(f"_target_: tests.verify.mutants.{kind}\n")
    monkeypatch.setenv("VAERUN_CONF", str(tmp_path))
    rest = "posterior=gaussian objective=elbo"
    code, _, err = run(f"estimator=mine {rest}", capsys)
    assert code == 2
    assert "add trust=tests" in err
    rest += " trust=tests"
    assert run(f"estimator=mine {rest}", capsys)[0] == 0
    code, out, _ = run(f"estimator=flipped {rest}", capsys)
    assert code == 1
    assert "FAILS" in out
    assert out.splitlines()[-1].endswith("claims fail, of flipped")
    code, out, _ = run(f"estimator=stumbles {rest}", capsys)
    assert code == 1
    assert "raised TypeError: K is no number" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("estimator=disram", "Did you mean 'disarm'?"),
        ("estimatr=disarm", "Did you mean 'estimator'?"),
        ("estimator=reparam posterior=bernoulli", "has no differentiable sampler"),
        ("data=mnist", "data cannot be verified"),
        ("disarm", "cannot read 'disarm'"),
        ("--fast", "vaerun verify has no flag --fast. Its flags are --device, --seed, --json"),
        ("--sed 1", "Did you mean '--seed'?"),
        ("--seed x", "--seed must be a whole number from 0 to 2^63 − 1, got 'x'"),
        ("--seed", "--seed needs a value, such as --seed 0."),
        ("seed=1", "seed=1 must be written as a flag of vaerun verify: --seed 1."),
        ("device=cpu", "--device cpu"),
        ("--device abacus", "--device must be auto, cpu or cuda, got abacus"),
        ("model.latent_dims=2 model=vae", "model.latent_dims is no"),
        ("posterior=low_rank_gaussian posterior.ranks=2", "Did you mean 'rank'?"),
        ("estimator=rebar estimator.eta=x", "estimator.eta must be a number, got x"),
        ("model=vae model.latent_dim=0", "model.latent_dim must be at least 1, got 0"),
        ("posterior.rank=2", "give posterior=OPTION"),
        ("strategy=joint strategy/encoder_loss=unrolled", "use strategy=semi_amortized"),
        ("strategy=semi_amortized strategy/encoder_loss=unroled", "Did you mean 'unrolled'?"),
    ],
)
def test_a_users_error_is_one_sentence(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(words, capsys)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("loss", ["initial_bound", "regression", "unrolled"])
def test_a_group_nested_in_a_strategy_can_be_chosen(loss: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(f"strategy=semi_amortized strategy/encoder_loss={loss} --json", capsys)
    document = json.loads(out)
    assert code == 0
    assert {claim["method"] for claim in document["claims"]} == {f"semi_amortized/{loss}"}
    assert {c["claimed"] for c in document["claims"]} == {
        "reaches ℓ_max",
        "never passes ℓ_max",
        "infer changes nothing",
    }
    assert document["fail"] == 0


def test_a_start_that_forgets_is_not_held_to_what_few_steps_cannot_reach(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("strategy=joint strategy/phi_init=prior --json", capsys)
    verdicts = {claim["claimed"]: claim["verdict"] for claim in json.loads(out)["claims"]}
    assert code == 0
    assert verdicts == {"": "left out", "never passes ℓ_max": "holds", "infer changes nothing": "holds"}


def test_one_seed_gives_the_same_scores_twice(capsys: pytest.CaptureFixture[str]) -> None:
    words = "estimator=disarm posterior=bernoulli objective=elbo --seed 5 --json"
    first, second = (json.loads(run(words, capsys)[1])["claims"] for _ in range(2))
    assert first == second


def test_claims_of_a_kind_are_one_line_but_every_failure_has_its_own() -> None:
    claims = [
        by_chance("m", "one", "unbiased", z=1.0),
        by_chance("m", "two", "unbiased", z=3.0),
        by_chance("m", "three", "unbiased", z=30.0),
        by_chance("m", "four", "unbiased", z=40.0),
        within("m", "one", "counted", error=0.0, allowed=0.0),
        left_out("m", "five", "no encoder"),
        raised("m", "six", ValueError("no")),
        seen("m", "seven", "biased", z=2.0, unseen="claimed biased, no bias seen"),
    ]
    lines = list(verify.rows(claims))
    assert "two (worst of 2)" in lines[0]
    assert [line.split()[-1] for line in lines] == ["holds", "FAILS", "FAILS", "holds", "encoder", "FAILS", "FAILS"]
    assert not within("m", "one", "counted", error=float("nan"), allowed=1.0).holds
