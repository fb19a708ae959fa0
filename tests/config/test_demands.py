"""A q must be easy to sample and its density easy to evaluate: what lacks one is refused in a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.problems import family_and_model, node, objective
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.posterior.base import Posterior

GENERATOR = """
import torch
from vaerun.posterior.base import Family, Posterior

class Pushed(Posterior):
    def __init__(self, phi):
        self.phi = phi

    def {method}(self, k):
        return torch.zeros(k)

class Generator(Family):
    posterior = Pushed
    support = "real"

    num_parameters = 2

    def initial(self):
        return torch.zeros(2)

    def forward(self, phi):
        return Pushed(phi)
"""


@pytest.mark.parametrize(
    ("defined", "sentence"),
    [("sample", "has no density that can be evaluated"), ("log_prob", "cannot be sampled")],
)
def test_a_family_that_lacks_one_of_the_two_is_refused_in_a_sentence(
    tmp_path: Path, defined: str, sentence: str
) -> None:
    (tmp_path / "lab.py").write_text(GENERATOR.format(method=defined))
    (tmp_path / "conf" / "posterior").mkdir(parents=True)
    (tmp_path / "conf" / "posterior" / "generator.yaml").write_text("_target_: lab.Generator\n")
    command = [Path(sys.executable).parent / "vaerun", "train", "posterior=generator", "trust=lab", "hydra.run.dir=run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"posterior=generator {sentence}" in done.stderr
    assert "posterior=gaussian" in done.stderr


def test_put_together_by_hand_it_is_refused_too() -> None:
    class Implicit(Posterior):
        def sample(self, k: int) -> torch.Tensor:
            return torch.zeros(k)

    family, model = family_and_model("gaussian", latent_dim=2)
    family.posterior = Implicit  # type: ignore[misc]
    with pytest.raises(UserError, match="because Implicit does not define log_prob"):
        Bound(model=model, family=family, objective=objective("elbo", 1), estimator=make(node("estimator/reparam"), {}))
