"""The study of optuna behind a search: its trials in a file of sqlite, its sampler and its pruner."""

import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from vaerun.errors import MissingPackageError, UserError
from vaerun.search.objective import Objective
from vaerun.search.space import Choices, Dimension
from vaerun.system.files import refuse_odd

if TYPE_CHECKING:
    import optuna

NAME = "vaerun"
OBJECTIVES, SPACE = "objectives", "space"  # what the study knows of itself
DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {"higher": "maximize", "lower": "minimize"}
SAMPLERS = ("tpe", "random")
PRUNERS = ("median", "successive_halving", "hyperband", "none")


def require_optuna() -> None:
    """Raises a UserError if optuna is not installed."""
    if find_spec("optuna") is None:
        raise MissingPackageError("hydra/sweeper=optuna", "optuna", extra="optuna")


def open_study(
    storage: str, objectives: Sequence[Objective], *, sampler: str, pruner: str, seed: int
) -> "optuna.Study":
    """The study in a storage; a new one if there is none.

    The values in the storage are read as JSON, never as pickled objects: it may come from a stranger.

    Args:
        storage: a file, or the URL of a database.
        objectives: of the search.
        sampler: tpe or random.
        pruner: one of ``PRUNERS``.
        seed: of the sampler. Together with the number of trials it gives the next values.

    Raises:
        UserError: the file is not that of a study, or has other objectives.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = storage
    if "://" not in storage:
        refuse_odd(Path(storage))
        # A path may have a ? or #; SQLAlchemy takes away one quotation, and sqlite the other.
        url = f"sqlite:///file:{quote(quote(str(Path(storage).absolute())))}?uri=true"
    directions = [DIRECTIONS[one.better] for one in objectives]
    tags = [one.tag for one in objectives]
    try:
        study = optuna.create_study(storage=url, study_name=NAME, directions=directions, load_if_exists=True)
        before = study.user_attrs.get(OBJECTIVES, tags)
        trials = len(study.trials)
        study.set_user_attr(OBJECTIVES, before)
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError, ValueError, KeyError) as error:
        raise UserError(
            f"{storage} cannot be read as a study of optuna ({' '.join(str(error).split())[:120]}): remove it, or "
            f"choose another hydra.sweeper.storage."
        ) from None
    if before != tags:
        raise UserError(
            f"the study in {storage} has the objectives {before}, got {tags}: choose another hydra.sweep.dir for other "
            f"objectives."
        )
    # a sampler that begins anew would propose its first values again
    study.sampler, study.pruner = _sampler(sampler, seed + trials), _pruner(pruner)
    return study


def distributions(dimensions: Mapping[str, Dimension]) -> dict[str, Any]:
    """The space as optuna takes it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {}
    for key, one in dimensions.items():
        if isinstance(one, Choices):
            found[key] = CategoricalDistribution(one.values)
        elif one.integer:
            found[key] = IntDistribution(int(one.low), int(one.high), log=one.log, step=int(one.step or 1))
        else:
            found[key] = FloatDistribution(one.low, one.high, log=one.log, step=one.step)
    return found


def _sampler(name: str, seed: int) -> Any:
    from optuna.samplers import RandomSampler, TPESampler

    if name == "random":
        return RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # trials run side by side, for which optuna recommends this new option
        return TPESampler(seed=seed, constant_liar=True)


def _pruner(name: str) -> Any:
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner

    return {
        "median": MedianPruner,
        "successive_halving": SuccessiveHalvingPruner,
        "hyperband": HyperbandPruner,
        "none": NopPruner,
    }[name]()
