"""The ELBO with a constant weight on its KL."""

import torch

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.notation import Terms
from vaerun.objective.elbo import ELBO


def test_it_is_an_elbo_that_counts_the_kl_four_times_while_it_trains() -> None:
    J, terms = make(node("objective/beta", num_samples=2), {}), Terms(*torch.randn(3, 2, 4))
    assert isinstance(J, ELBO)
    assert not J.is_elbo
    torch.testing.assert_close(J.reward(terms), terms.log_likelihood + 4 * (terms.log_prior - terms.log_q))
    torch.testing.assert_close(J.eval().reward(terms), terms.log_likelihood + terms.log_prior - terms.log_q)
