"""p_θ(z) = Π_v Categorical(z_v; softmax(logits_v))."""

import pytest
import torch
from torch.distributions import OneHotCategorical

from vaerun.errors import UserError
from vaerun.model.prior.categorical import CategoricalPrior

pytestmark = pytest.mark.usefixtures("exact")


def test_it_is_a_product_of_categoricals_that_starts_uniform() -> None:
    prior = CategoricalPrior(latent_dim=6, num_classes=3)
    z = prior.sample(7)
    torch.testing.assert_close(prior.log_prob(z), torch.full((7,), -2.0 * torch.tensor(3.0).log()))
    with torch.no_grad():
        prior.logits.copy_(torch.randn(6))
    blocks, peer = z.unflatten(1, (2, 3)), OneHotCategorical(logits=prior.logits.unflatten(0, (2, 3)))
    assert torch.equal(blocks.sum(-1), torch.ones(7, 2))
    torch.testing.assert_close(prior.log_prob(z), peer.log_prob(blocks).sum(-1))
    frequency = prior.sample(20_000).mean(0)
    p = peer.probs.detach().flatten()
    assert ((frequency - p).abs() < 5 * (p * (1 - p) / 20_000).sqrt()).all()


def test_blocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="latent_dim=6"):
        CategoricalPrior(latent_dim=5, num_classes=3)
