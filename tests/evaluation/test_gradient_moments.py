"""Moments of replicas that come one by one, against those of all of them at once."""

import pytest
import torch

from vaerun.evaluation.gradient_moments import GROUPS, GradientMoments, replicate

pytestmark = pytest.mark.usefixtures("exact")


def test_the_moments_are_those_of_all_replicas_at_once() -> None:
    """Far from zero, where sums of squares would cancel, and merged from parts of different sizes."""
    values = 1e8 + torch.randn(57, 3, 4)
    whole = GradientMoments(values[0])
    for some in values.split((2, 40, 15)):
        part = GradientMoments(values[0])
        for value in some:
            part.add(value)
        whole.merge(part)
    assert whole.count == 57
    torch.testing.assert_close(whole.mean, values.mean(0), rtol=1e-14, atol=0)
    torch.testing.assert_close(whole.noise(), values.var(0).sum(1), rtol=1e-7, atol=0)
    known = 1e8 + torch.randn(3, 4)
    away = (values.mean(0) - known).square().sum(1)
    torch.testing.assert_close(whole.signal(known), away - values.var(0).sum(1) / 57, rtol=1e-7, atol=1e-9)


def test_signal_and_noise_are_unbiased_and_the_noise_is_as_sure_as_it_says() -> None:
    """Of 200 experiments with 60 replicas of N(m, Σ), where the signal is lost in the noise."""
    mean, scale = torch.tensor([0.1, 0.0, 0.0]), torch.tensor([1.0, 0.5, 0.2])
    found = [replicate(lambda: {"g": (mean + scale * torch.randn(3)).unsqueeze(0)}, 60)["g"] for _ in range(200)]
    noise = torch.stack([one.moments.noise().mean() for one in found])
    signal = torch.stack([one.moments.signal().mean() for one in found])
    for values, known in ((noise, scale.square().sum()), (signal, mean.square().sum())):
        assert abs(float((values.mean() - known) / (values.std() / 200**0.5))) < 3
    told = torch.stack([one.noise.var() for one in found]).mean() / GROUPS
    # Groups of 6 have 50 degrees of freedom where all replicas together have 59.
    assert float(told / noise.var()) == pytest.approx(59 / 50, abs=0.3)
    assert (signal < 0).any()


@pytest.mark.parametrize(("length", "most"), [(0.0, 2.5), (0.1, 2.0), (2.0, 1.4)])
def test_the_error_of_the_signal_is_right_where_it_is_lost_in_the_noise_and_where_it_is_clear(
    length: float, most: float
) -> None:
    """Groups that each estimate the signal alone would say ten times the variance where it is lost."""
    mean, known = length * torch.tensor([[0.6, 0.8, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    found = [replicate(lambda: {"g": mean + torch.randn(1, 3)}, 60, {"g": known})["g"] for _ in range(300)]
    shifted = [replicate(lambda: {"g": mean + torch.randn(1, 3) + known}, 60, {"g": known})["g"] for _ in range(300)]
    for values, told in (
        ([one.moments.signal().mean() for one in found], [one.signal_error for one in found]),
        ([one.moments.signal(known).mean() for one in shifted], [one.bias_error for one in shifted]),
    ):
        ratio = float(torch.tensor(told).square().mean() / torch.stack(values).var())
        assert 0.75 < ratio < most


def test_every_replica_counts_whatever_their_number() -> None:
    drawn: list[torch.Tensor] = []

    def draw() -> dict[str, torch.Tensor]:
        drawn.append(torch.randn(2, 3))
        return {"g": drawn[-1]}

    found = replicate(draw, 33)["g"]
    assert found.moments.count == len(drawn) == 33
    torch.testing.assert_close(found.moments.noise(), torch.stack(drawn).var(0).sum(1))
    first = torch.stack(drawn[:4]).var(0).sum(1).mean()  # 33 = 3 groups of 4 and 7 of 3
    torch.testing.assert_close(found.noise[0], first)
