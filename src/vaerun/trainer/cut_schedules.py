"""Schedules that a training did not follow to their end."""

from collections.abc import Iterator, Mapping

from vaerun.schedule.base import Schedule

LEARNING_RATE = "learning_rate_factor"  # its schedule changes no objective


def cut_schedules(
    schedules: Mapping[str, Schedule], *, steps: int, steps_per_epoch: int, epochs: int, why: str
) -> Iterator[str]:
    """One sentence for each schedule whose value is not that of its end, because the training ended early.

    Args:
        schedules: by name.
        steps: those that were made.
        steps_per_epoch: steps of an epoch.
        epochs: those of the whole training, as planned.
        why: what ended the training, such as ``trainer.max_seconds=60 was reached``.
    """
    done = steps / steps_per_epoch
    for name, schedule in schedules.items():
        end = max(float(epochs), schedule.length)
        if done >= schedule.length and schedule.at(done) == schedule.at(end):
            continue
        last = schedule.at(max(0, steps - 1) / steps_per_epoch)
        reached = f"{schedule.length:g} epochs" if schedule.length else f"trainer.epochs={epochs}"
        untrained = "" if name == LEARNING_RATE else ", so the objective at the end of the schedule was not trained"
        bounds = " Reported bounds have KL weight 1 and stay bounds." if name == "kl_weight" else ""
        yield (
            f"{name} was {last:.3g} at the last step, not {schedule.at(end):.3g} as at the end of its schedule of "
            f"{reached}, because the training ended after {done:.3g} epochs ({why}){untrained}: "
            f"use a shorter schedule or a larger budget.{bounds}"
        )
