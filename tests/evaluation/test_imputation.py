"""What was added to the data on purpose is taken out of imputations again."""

import torch
from torch import nan

from vaerun.evaluation.imputation import Imputation, without_noise


def test_the_mean_and_the_variance_of_noise_are_subtracted() -> None:
    """y uniform on 0, 2, …, 18 and x = y + 2u: both moments of x by a sum over y and a fine grid of u."""
    y = torch.arange(0.0, 20, 2, dtype=torch.float64)
    u = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    x = (y[:, None] + 2 * u).flatten()
    of_x = Imputation(
        torch.stack((x.mean(), torch.tensor(7.0))).expand(2, 2),
        torch.stack((x.std(correction=0), torch.tensor(0.3))).expand(2, 2),
        torch.ones(2),
    )
    missing = torch.tensor([[nan, nan], [1.0, nan]]).isnan()
    found = without_noise(of_x, missing, torch.tensor([2.0, 0.0]))
    torch.testing.assert_close(found.x[0, 0], y.mean())
    torch.testing.assert_close(found.standard_deviation[0, 0], y.std(correction=0), rtol=1e-6, atol=0)
    assert torch.equal(found.x[1], of_x.x[1])
    assert torch.equal(found.standard_deviation[:, 1], of_x.standard_deviation[:, 1])
