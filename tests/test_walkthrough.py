"""The walkthroughs of docs/own.md, done in a folder of one's own: each is one module and one YAML file."""

import json
import re
from pathlib import Path

import pytest

from tests import forked
from tests.runs import TINY

PAGE = (Path(__file__).parents[1] / "docs" / "own.md").read_text()
FILES = dict(re.findall(r"^```\w+\n# (\S+\.(?:py|yaml))\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))

TRUST = "trust=mylab"

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with all files of the page."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def vaerun(lab: Path, *words: str) -> str:
    """What ``vaerun WORDS`` prints in that folder; it must end well."""
    ran = forked.vaerun(*words, cwd=lab, timeout=300)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    return ran.stdout


def summary(run: Path) -> dict:
    """What a run left."""
    return json.loads((run / "summary.json").read_text())


def test_the_page_has_a_module_and_a_yaml_for_each_walkthrough() -> None:
    assert len([name for name in FILES if name.endswith(".py")]) == 9
    assert {Path(name).parent.name for name in FILES if name.endswith(".yaml")} == {
        "estimator",
        "posterior",
        "likelihood",
        "prior",
        "objective",
        "strategy",
        "evaluation",
        "data",
    }


def test_an_estimator(lab: Path) -> None:
    vaerun(lab, "train", "estimator=plain_score", TRUST, *TINY, "hydra.run.dir=run")
    assert summary(lab / "run")["status"] == "completed"
    words = ("estimator=plain_score", "posterior=bernoulli", "objective=elbo")
    claims = json.loads(vaerun(lab, "verify", TRUST, *words, "--json"))
    assert "plain_score" in json.dumps(claims)


def test_an_estimator_that_draws_pairs(lab: Path) -> None:
    vaerun(lab, "train", "estimator=antithetic", TRUST, *TINY, "hydra.run.dir=run")
    assert summary(lab / "run")["decoder_evaluations"] == 7200  # 18 steps of 200 points, each noise used twice
    vaerun(lab, "verify", "estimator=antithetic", TRUST, "posterior=gaussian", "objective=elbo")
    assert re.search(r"antithetic\s.*?with posterior: [^\n]*gaussian", vaerun(lab, "list", "estimator"), re.DOTALL)
    refused = forked.vaerun("train", "estimator=antithetic", TRUST, "posterior=bernoulli", cwd=lab)
    assert refused.returncode == 2
    assert "estimator=antithetic needs a reparameterized posterior" in refused.stderr


def test_a_wrong_estimator_is_found_out(lab: Path) -> None:
    module = lab / "mylab" / "plain_score.py"
    module.write_text(module.read_text().replace("value + (credit", "value - (credit"))
    words = ("estimator=plain_score", "posterior=bernoulli", TRUST, "objective=elbo")
    ran = forked.vaerun("verify", *words, cwd=lab, timeout=300)
    assert ran.returncode == 1


def test_a_posterior(lab: Path) -> None:
    listed = vaerun(lab, "list", "posterior")
    entry = re.search(r"^  logistic(.*?)(?=^[ *] \w|\Z)", listed, re.MULTILINE | re.DOTALL)
    assert entry, listed
    assert "reparam" in entry[1]
    assert "analytic_kl" not in entry[1]  # no closed form was declared
    vaerun(lab, "train", "posterior=logistic", TRUST, *TINY, "hydra.run.dir=run")
    assert summary(lab / "run")["status"] == "completed"
    vaerun(lab, "verify", "posterior=logistic", TRUST, "estimator=reparam", "objective=elbo")


def test_an_evaluation(lab: Path) -> None:
    vaerun(lab, "train", *TINY, "hydra.run.dir=run")
    vaerun(lab, "eval", "run", "evaluation=reconstruction", TRUST)
    line = json.loads((lab / "run" / "evaluations.jsonl").read_text())
    assert 0 < line["metrics"]["squared_error/test"] < 64  # of 64 pixels, each in [0, 1]
    assert line["metrics"]["squared_error_se/test"] > 0
    assert line["data"]["points"] == 300


def test_a_data_set(lab: Path) -> None:
    vaerun(lab, "train", "data=bars", TRUST, "data.num_points=500", *TINY, "hydra.run.dir=run")
    found = summary(lab / "run")
    assert found["status"] == "completed"
    assert found["data"]["name"] == "bars"
    assert found["data"]["support"] == "binary"
