"""m_t / (1 − decay^t), m_t = decay · m_{t−1} + (1 − decay) · v_t: what earlier steps say of the present one."""

import torch
from torch import Tensor, nn


class RunningAverage(nn.Module):
    """The exponential average of the values it was told, corrected for its start at 0; 0 before the first.

    It moves in training mode alone, so that evaluation leaves the training trajectory as it was. Its state is in
    buffers, so a checkpoint holds it.

    Args:
        decay: in [0, 1).
    """

    total: Tensor
    weight: Tensor

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("total", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))  # 1 − decay^t: how much of the total is not its start at 0

    def forward(self) -> Tensor:
        """The average, Float[Tensor, ""]."""
        return self.total / self.weight.clamp(min=1 - self.decay)

    def update(self, value: Tensor) -> None:
        """Takes in one more value, Float[Tensor, ""], which must carry no gradient."""
        if self.training:
            self.total.copy_(torch.lerp(value, self.total, self.decay))
            self.weight.copy_(torch.lerp(torch.ones_like(self.weight), self.weight, self.decay))
