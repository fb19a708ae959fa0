"""What may change when a run is resumed: where its data are, its budget, and its step sizes after a divergence."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from vaerun.config.check.parts import parts_of
from vaerun.config.defaults import flatten
from vaerun.errors import UserError
from vaerun.experiment.directory import (
    BUDGET,
    FREE,
    RunDirectory,
    checkpoint_path,
    read_config,
    read_summary,
    resume_command,
    write_summary,
)
from vaerun.experiment.integrity import signed
from vaerun.system.whole_file import write

STEPS = ("optimizer", "local.optimizer")
"""The groups whose numbers may change after a divergence."""
USUAL, USUAL_LOCAL = 1e-3, 0.1  # step sizes that rarely diverge
NORM = 10.0  # the largest limit on the norm of the gradient that is a remedy


def may_change(directory: Path) -> tuple[str, ...]:
    """The keys that may be set when the run in a directory is resumed."""
    if read_summary(directory).get("status") != "diverged":
        return FREE + BUDGET
    keys = flatten(OmegaConf.to_container(read_config(directory)))  # type: ignore[arg-type]
    steps = [key for key in keys if key.rpartition(".")[0] in STEPS and not key.rpartition(".")[2].startswith("_")]
    return (*FREE, *BUDGET, *steps)


def relocate(cfg: DictConfig, words: Sequence[str], allowed: Sequence[str] = FREE) -> None:
    """Sets keys of ``allowed`` to the values in ``words``, each KEY=VALUE.

    Raises:
        UserError: the run has no such key, or it may not be set.
    """
    for word in words:
        key, equals, value = word.lstrip("+").partition("=")
        if key not in allowed:
            raise UserError(
                f"{word} cannot be set, because a run keeps its configuration: leave it out, or start a new run. "
                f"Only {', '.join(allowed)} may change."
            )
        node = OmegaConf.select(cfg, key.rpartition(".")[0])
        # A run of an earlier version has the default for a key of execution that its config.yaml does not know.
        known = isinstance(node, DictConfig) and (key.rpartition(".")[2] in node or key.startswith("execution."))
        if not known:
            raise UserError(f"{key} is not a key of this run, whose data are {cfg.data.get('_target_')}: leave it out.")
        unreadable = UserError(f"{word!r} cannot be read: write {key}=VALUE.")
        if not equals:
            raise unreadable
        try:
            OmegaConf.update(cfg, key, OmegaConf.from_dotlist([f"value={value}"])["value"])
        except YAMLError:
            raise unreadable from None


def grow(directory: Path, cfg: DictConfig) -> None:
    """Gives the run in a directory the budget of ``cfg``, so that it goes on as if it had been started with it.

    Only the validation at its first end remains: it can have the best checkpoint, and counts for patience.

    Nothing is done if the budget is that of the run.

    Raises:
        UserError: the run is in use, or has trained longer than the new budget allows.
    """
    before, now = flatten(OmegaConf.to_container(read_config(directory))), flatten(OmegaConf.to_container(cfg))  # type: ignore[arg-type]
    if all(before.get(key) == now.get(key) for key in BUDGET):
        return
    refuse_other_length(before, now, cfg)
    refuse_less_patience(before.get("trainer.patience"), now.get("trainer.patience"))
    with RunDirectory(directory) as place:
        summary, epochs = place.summary, int(cfg.trainer.epochs)
        done = summary.get("epochs", 0)
        if isinstance(done, (int, float)) and (epochs < done or (epochs == done and place.is_finished)):
            raise UserError(
                f"trainer.epochs must be above {done:g}, because the run in {directory} has trained that long already, "
                f"got {epochs}: use trainer.epochs={math.floor(done) + 1} or more."
            )
        grown = OmegaConf.merge(read_config(directory), {"trainer": cfg.trainer})
        write(directory / "config.yaml", signed(OmegaConf.to_yaml(grown).encode()))
        if place.is_finished:
            write_summary(directory, {**summary, "status": "interrupted", "reason": "its budget was changed"})


def refuse_other_length(before: Mapping[str, Any], now: Mapping[str, Any], cfg: DictConfig) -> None:
    """Refuses another number of epochs if a schedule had its length from it, so that the steps made are not those.

    Raises:
        UserError: the schedule, and what to do.
    """
    if before.get("trainer.epochs") == now.get("trainer.epochs"):
        return
    config: dict[str, Any] = OmegaConf.to_container(cfg)  # type: ignore[assignment]
    for part in parts_of(config, config.get("choices", {})).values():
        if "trainer_epochs" in part.info.parameters and part.node.get("epochs") is None:
            raise UserError(
                f"trainer.epochs must stay {before.get('trainer.epochs')}, got {now.get('trainer.epochs')}, because "
                f"{part.path}.epochs=null gives the schedule the length of the training, so that a longer training "
                f"would have had other steps from the first on: start a new run with trainer.epochs="
                f"{now.get('trainer.epochs')}."
            )


def refuse_less_patience(before: int | None, now: int | None) -> None:
    """Refuses fewer validations without a new best bound: the training might have ended before its present step.

    Raises:
        UserError: the numbers.
    """
    if now is not None and (before is None or now < before):
        least = "null, which is no early stopping" if before is None else f"at least {before}, or null"
        raise UserError(
            f"trainer.patience must stay {least}, got {now}, because the training might have ended already: "
            f"start a new run with trainer.patience={now}."
        )


def recover(directory: Path, cfg: DictConfig) -> None:
    """Lets a diverged run continue from its best checkpoint with the step sizes of ``cfg``.

    ``changes`` in config.yaml says at which step which keys were changed. Nothing is done if no step size is new.

    Raises:
        UserError: the run is in use, or its best checkpoint cannot be read.
    """
    before, now = flatten(OmegaConf.to_container(read_config(directory))), flatten(OmegaConf.to_container(cfg))  # type: ignore[arg-type]
    new = {key: now[key] for key in now if key.rpartition(".")[0] in STEPS and now[key] != before.get(key)}
    if not new:
        return
    import torch

    from vaerun.experiment.trained import trained
    from vaerun.trainer import checkpoint
    from vaerun.trainer.checkpoint_file import previous

    with RunDirectory(directory):
        state = trained(directory, "best", torch.device("cpu"))
        adjust(state["optimizer"], {key.rpartition(".")[2]: new[key] for key in new if key.startswith("optimizer.")})
        last = checkpoint_path(directory, "last")
        checkpoint.write(last, state)
        previous(last).unlink(missing_ok=True)  # a later state than the best, on the way to the divergence
        changed = read_config(directory)
        told = " ".join(f"{key}={value}" for key, value in sorted(new.items()))
        changes = [*changed.get("changes", []), f"from step {state['progress']['step']}: {told}"]
        for config in (cfg, changed):
            config.changes = changes
        for key, value in new.items():
            OmegaConf.update(changed, key, value)
        write(directory / "config.yaml", signed(OmegaConf.to_yaml(changed).encode()))


def adjust(optimizer: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Sets the settings of a saved optimiser that stand in its state."""
    for name, value in new.items():
        stored = "lr" if name == "learning_rate" else name
        for group in optimizer["param_groups"]:
            if stored in group:
                group[stored] = value


def smaller_steps(config: Mapping[str, Any], directory: Path, *, per_point: bool) -> str:
    """What to try after a divergence: smaller steps and a limit on the gradient, from the best checkpoint.

    Args:
        config: of the run, plain values; empty for an experiment that was built by hand.
        directory: of the run.
        per_point: whether every point has steps of its own.
    """
    shared = config.get("optimizer", {})
    local = config.get("local", {}).get("optimizer", {}) if per_point else {}
    words = [
        f"{group}.{name}={min(node[name] / 10, most):g}"
        for group, node, most in (("optimizer", shared, USUAL), ("local.optimizer", local, USUAL_LOCAL))
        for name in ("learning_rate", "lr", "max_step")
        if isinstance(node.get(name), (int, float))
    ]
    if "max_norm" in shared:
        limit = shared["max_norm"]
        words.append(f"optimizer.max_norm={NORM if limit is None else min(NORM, limit / 10):g}")
    if not words:
        return "Use smaller steps, or limit the norm of the gradient."
    return f"Continue from the best checkpoint with smaller steps: {resume_command(directory)} {' '.join(words)}"
