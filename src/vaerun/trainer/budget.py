"""How long a training lasts: epochs, seconds, decoder evaluations."""

from typing import TYPE_CHECKING, final

from vaerun.config.ranges import above, at_least

if TYPE_CHECKING:
    from vaerun.trainer.training import Training


@final
class Budget:
    """The limits of a training; the first that is reached ends it.

    Args:
        epochs: passes over the training points, 1 or more.
        max_seconds: of training steps without compiling, > 0; None for no limit.
        max_decoder_evaluations: z decoded for an x by training steps, > 0; None for no limit.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(
        self, *, epochs: int, max_seconds: float | None = None, max_decoder_evaluations: int | None = None
    ) -> None:
        at_least("trainer.epochs", epochs, 1)
        above("trainer.max_seconds", max_seconds, 0, "use null for no limit")
        above("trainer.max_decoder_evaluations", max_decoder_evaluations, 0, "use null for no limit")
        self.epochs, self.max_seconds, self.max_decoder_evaluations = epochs, max_seconds, max_decoder_evaluations

    def used_up(self, training: "Training") -> bool:
        """Whether the last epoch is done, a limit on the cost is reached, or a watcher has finished the training."""
        return training.finish_reason is not None or self.spent(training)

    def reason(self, training: "Training") -> str:
        """Which limit has ended the training, or which watcher."""
        if training.finish_reason is not None:
            return training.finish_reason
        if self.max_seconds is not None and training.progress.train_seconds >= self.max_seconds:
            return f"trainer.max_seconds={self.max_seconds:g} was reached"
        evaluations = self.max_decoder_evaluations
        if evaluations is not None and training.strategy.decoder_evaluations >= evaluations:
            return f"trainer.max_decoder_evaluations={evaluations:g} was reached"
        return f"trainer.epochs={self.epochs} was reached"

    def spent(self, training: "Training") -> bool:
        """Whether the last epoch is done or a limit on the cost is reached."""
        seconds, evaluations = self.max_seconds, self.max_decoder_evaluations
        return (
            training.progress.step >= self.epochs * training.steps_per_epoch
            or (seconds is not None and training.training_seconds() >= seconds)
            or (evaluations is not None and training.strategy.decoder_evaluations >= evaluations)
        )
