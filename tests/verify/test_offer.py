"""The choices of a user and those of a law, together."""

import pytest
import torch

from tests.problems import CONF
from vaerun.config.catalogue import Catalogue
from vaerun.verify import signal, variance
from vaerun.verify.offer import Offer

pytestmark = pytest.mark.usefixtures("exact")


def test_a_law_with_a_model_of_its_own_is_left_out_where_the_users_choice_has_no_place_in_it() -> None:
    offer = Offer(Catalogue([CONF]), {"estimator": "reparam", "model/prior": "mixture_of_gaussians"})
    rest = {"posterior": "gaussian", "objective": "elbo"}
    assert offer.parts({**rest, "model": "linear_gaussian"}) is None
    assert offer.parts(rest) is not None
    for law in (variance, signal):
        found = list(law.claims(offer, seed=0, device=torch.device("cpu")))
        assert [claim.claimed for claim in found if claim.holds is False] == []
