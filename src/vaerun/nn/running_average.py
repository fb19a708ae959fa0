"""m_t / (1 − decay^t), m_t = decay · m_{t−1} + (1 − decay) · v_t: exponential averages over earlier steps."""

import torch
from torch import Tensor, nn


class RunningAverage(nn.Module):
    """m_t / (1 − decay^t), the exponential average of v_1, …, v_t, corrected for m_0 = 0; 0 before the first value.

    It is updated only in training mode, so that evaluation does not change training. Its state is in buffers, so a
    checkpoint holds it.

    Args:
        decay: in [0, 1).
    """

    total: Tensor
    weight: Tensor

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("total", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))  # 1 − decay^t

    def forward(self) -> Tensor:
        """The average, Float[Tensor, ""]."""
        return self.total / self.weight.clamp(min=1 - self.decay)

    def update(self, value: Tensor) -> None:
        """Adds one value, Float[Tensor, ""] without gradient, to the average."""
        if self.training:
            self.total.copy_(torch.lerp(value, self.total, self.decay))
            self.weight.copy_(torch.lerp(torch.ones_like(self.weight), self.weight, self.decay))
