"""Early stopping: a training ends when the validation bound no longer rises."""

from typing import TYPE_CHECKING, final

from vaerun.config.ranges import at_least
from vaerun.errors import counted

if TYPE_CHECKING:
    from vaerun.trainer.training import Training


@final
class Patience:
    """Ends a training after so many validations in a row without a new best bound, counted after the KL warm-up.

    Before a KL warm-up has ended, another objective is trained, so that the bound may fall and rise again later. The
    count depends only on the numbers of epochs, so a resumed training has the same.

    Args:
        validations: their number, 1 or more; None for no early stopping.

    Raises:
        UserError: the number is below 1.

    Reference: Prechelt 1998, Early stopping, but when?, §2.1 (UP_s).
    """

    def __init__(self, validations: int | None) -> None:
        at_least("trainer.patience", validations, 1, "use null for no early stopping")
        self.validations = validations

    def waited(self, training: "Training") -> int:
        """The number of validations after the KL warm-up that have passed since the best one."""
        every, warm_up = training.validation_interval, training.strategy.bound.objective.kl_weight.length
        since = max(training.progress.best_step / training.steps_per_epoch, warm_up)
        return int(training.progress.step / training.steps_per_epoch // every - since // every)

    def used_up(self, training: "Training") -> bool:
        """Whether the training ends at its present step."""
        return self.validations is not None and training.at_epoch_end and self.waited(training) >= self.validations

    def reason(self, training: "Training") -> str:
        """Why it ends, in words."""
        return (
            f"{training.bound}/valid has had no new best value in {counted(self.validations or 0, 'validation')} "
            f"(trainer.patience={self.validations})"
        )
