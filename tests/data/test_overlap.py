import torch

from vaerun.data.overlap import shared_points


def test_rows_that_occur_in_both_are_counted():
    rows = torch.randint(0, 4, (300, 3), generator=torch.Generator().manual_seed(0))
    others = torch.randint(0, 4, (20, 3), generator=torch.Generator().manual_seed(1))
    known = set(map(tuple, others.tolist()))
    counted = sum(tuple(row) in known for row in rows.tolist())
    assert 0 < counted < 300
    assert shared_points(rows.to(torch.uint8), others.to(torch.uint8)) == counted
    assert shared_points(rows.float() / 3, others.float() / 3) == counted
    assert shared_points(rows.float() + 9, others.float()) == 0
