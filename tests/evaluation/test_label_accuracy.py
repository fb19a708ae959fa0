import torch

from vaerun.evaluation.label_accuracy import NEIGHBOURS, neighbour_agreement
from vaerun.execution import memory


def test_separate_classes_agree_and_mixed_ones_do_not(seeded: None, monkeypatch) -> None:
    labels = torch.arange(90) % 3
    apart = 10.0 * torch.eye(3)[labels] + torch.randn(90, 3)
    assert neighbour_agreement(apart, labels).mean() == 1
    mixed = neighbour_agreement(torch.randn(3000, 2), torch.arange(3000) % 3).mean()
    assert 0.25 < float(mixed) < 0.42
    whole = neighbour_agreement(apart + 5 * torch.randn(90, 3), labels)
    torch.manual_seed(0)
    z = torch.randn(200, 4)
    once = neighbour_agreement(z, torch.arange(200) % 3)
    monkeypatch.setattr(memory, "numbers_at_once", lambda device: 700)
    assert torch.equal(neighbour_agreement(z, torch.arange(200) % 3), once)
    assert whole.shape == (90,)


def test_a_point_does_not_vote_for_itself() -> None:
    labels = torch.tensor([1] + [0] * NEIGHBOURS)
    assert neighbour_agreement(torch.arange(NEIGHBOURS + 1.0).unsqueeze(1), labels).tolist() == [0.0] + [1.0] * 10
