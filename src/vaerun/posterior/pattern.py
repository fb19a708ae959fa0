"""cos(π (row + ½)(column + 1)/(rows + 1)): a fixed pattern for initial φ that differ between components."""

import math

import torch
from torch import Tensor


def waves(rows: int, columns: int) -> Tensor:
    """cos(π (row + ½)(column + 1) / (rows + 1)), in [−1, 1]: no two rows are equal, Float[Tensor, "rows columns"]."""
    row, column = torch.arange(rows) + 0.5, torch.arange(columns) + 1.0
    return torch.cos(math.pi * torch.outer(row, column) / (rows + 1))
