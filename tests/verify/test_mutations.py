"""Every planted error fails the law that it breaks, and the same code without it does not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.problems import CONF
from tests.verify.mutants import MUTANTS, RIGHT
from vaerun.config.catalogue import Catalogue
from vaerun.config.trust import trusting
from vaerun.estimator.base import Estimator
from vaerun.verify import estimator
from vaerun.verify.offer import Offer
from vaerun.verify.replicas import BATCHES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("exact", "own_classes")]

OBJECTIVES = {"AttachedLogQ": "iwae", "NoDirectTerm": "iwae", "DirectTermWithoutBeta": "iwae"}
"""Where an error has mean zero on the ELBO."""


@pytest.fixture
def own_classes() -> Iterator[None]:
    """The user trusts the package of the mutants."""
    with trusting(["tests"]):
        yield


def offer(conf: Path, kind: type[Estimator], objective: str, posterior: str = "gaussian") -> Offer:
    """A user's own configurations with the estimator in them."""
    (conf / "estimator").mkdir(parents=True, exist_ok=True)
    (conf / "estimator" / "mine.yaml").write_text(f"_target_: {kind.__module__}.{kind.__name__}\n")
    return Offer(Catalogue([CONF, conf]), {"estimator": "mine", "objective": objective, "posterior": posterior})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda kind: kind.__name__)
def test_a_planted_error_is_found(mutant: type[Estimator], tmp_path: Path) -> None:
    asked = offer(tmp_path, mutant, OBJECTIVES.get(mutant.__name__, "elbo"))
    found = estimator.claims(asked, seed=0, device=torch.device("cpu"), batches=BATCHES)
    failures = (claim.claimed for claim in found if claim.holds is False)
    assert mutant.caught_by in failures  # type: ignore[attr-defined]


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
@pytest.mark.parametrize("right", RIGHT, ids=lambda kind: kind.__name__)
def test_without_it_every_claim_holds(right: type[Estimator], objective: str, tmp_path: Path) -> None:
    claims = estimator.claims(offer(tmp_path, right, objective), seed=0, device=torch.device("cpu"), batches=BATCHES)
    assert [claim for claim in claims if claim.holds is False] == []


def test_an_error_is_told_as_it_was_raised(tmp_path: Path) -> None:
    from tests.verify.mutants import Stumbles

    first = next(
        estimator.claims(offer(tmp_path, Stumbles, "elbo"), seed=0, device=torch.device("cpu"), batches=BATCHES)
    )
    assert re.fullmatch(r"raised TypeError: K is no number \(.*mutants\.py, line \d+\)", first.measured)
