"""value(t) = 10^(−i / (stages − 1)) in stage i = 0, …, stages − 1, which lasts 3^i epochs."""

from vaerun.config.ranges import at_least
from vaerun.schedule.base import Schedule


class Burda(Schedule):
    """value(t) = 10^(−i / (stages − 1)) in stage i = 0, …, stages − 1, of 3^i epochs: from 1 down to 1/10.

    With learning_rate=1e-3 and 8 stages this is the schedule of the importance weighted autoencoder: 3^i passes over
    the data at the rate 10^−3 · 10^(−i/7), 3280 passes together. After the last stage, the value stays.

    Args:
        stages: their number, 2 or more.

    Raises:
        UserError: ``stages`` < 2.

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, §5.
    """

    def __init__(self, stages: int = 8) -> None:
        at_least("stages", stages, 2)
        self.stages = stages
        self.length = float((3**stages - 1) // 2)  # 1 + 3 + … + 3^(stages − 1)
        super().__init__()

    def at(self, epochs: float) -> float:
        stage = sum(epochs >= (3**i - 1) // 2 for i in range(1, self.stages))
        return 10 ** (-stage / (self.stages - 1))
