"""The cells of the comparison: data set × family × strategy × seed, and the words of the command of each."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

STRATEGIES = (
    "amortized",
    "joint",
    "coordinate",
    "alternating",
    "aggressive",
    "semi_amortized",
    "iterative_amortized",
)
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "gaussian": ("posterior=gaussian",),
    "flow": ("posterior=planar", "posterior.flows=2"),
    "mixture": ("posterior=mixture", "posterior.components=2", "estimator=stratified"),
}
FIXED: Mapping[str, tuple[str, ...]] = {
    "joint": ("strategy.test_steps=100",),
    "coordinate": ("strategy.test_steps=100",),
}
"""Further words of a strategy: its ascents for test points have the limit that semi_amortized has by default."""

BATCH = 50
"""Points of a step, as in conf/experiment/strategies."""

SEEDS = (0, 1, 2, 3, 4)


class Source(NamedTuple):
    """A data set of the comparison."""

    title: str
    experiment: str
    file: str  # in the folder of the data


DATA: Mapping[str, Source] = {
    "mnist": Source("MNIST", "images", "mnist.npz"),
    "fashion_mnist": Source("Fashion-MNIST", "images", "fashion_mnist.npz"),
    "counts": Source("Counts", "counts", "counts.npz"),
    "missing": Source("Missing values", "missing", "missing.npy"),
}


class Budget(NamedTuple):
    """How long a cell has been trained when it is measured: both limits, each read off at its own step."""

    seconds: float  # of the processor, in training steps
    evaluations: int  # of the decoder, in training steps


STEPS = (Budget(1.5, 15_000), Budget(5.0, 50_000), Budget(15.0, 150_000))
BUDGETS: Mapping[str, tuple[Budget, ...]] = {"full": STEPS, "short": STEPS[:1]}
"""One training is measured at each of these, and ends with the last."""


class Cell(NamedTuple):
    """One training."""

    data: str
    family: str
    strategy: str
    seed: int

    @property
    def name(self) -> str:
        """Of its files."""
        return "_".join(map(str, self))

    def words(self, folder: str) -> list[str]:
        """What stands behind ``vaerun train``, without a budget.

        Args:
            folder: of the data.
        """
        source = DATA[self.data]
        return [
            f"experiment=strategies/{source.experiment}",
            f"data.path={folder}/{source.file}",
            f"strategy={self.strategy}",
            *FIXED.get(self.strategy, ()),
            *FAMILIES[self.family],
            f"seed={self.seed}",
        ]

    def command(self, budget: Budget) -> str:
        """The training up to equal decoder evaluations, as a reader types it."""
        return f"vaerun train {' '.join(self.words('FOLDER'))} trainer.max_decoder_evaluations={budget.evaluations}"


def cells(seed: int) -> Iterator[Cell]:
    """All cells of a seed."""
    for data in DATA:
        for family in FAMILIES:
            for strategy in STRATEGIES:
                yield Cell(data, family, strategy, seed)
