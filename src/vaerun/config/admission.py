"""Decides whether the class of a ``_target_`` may be built: read from source, before anything is imported.

A configuration may come from a stranger, and a ``_target_`` names code. It must be a class; its source must derive it
from the base class of its group; and it must be defined in vaerun or in a package that the user trusts.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vaerun.config.several import home
from vaerun.config.source_index import FOREIGN, Module, damage, folders, locate, module, names_in, package
from vaerun.config.trust import KEY, OWN, trusted
from vaerun.errors import UserError, close_match

TARGET, PARTIAL = "_target_", "_partial_"

BASES: Mapping[str, tuple[str, ...]] = {
    "data": ("vaerun.data.base.Source",),
    "model": ("vaerun.model.base.Model",),
    "model/initial_weights": ("vaerun.nn.initial_weights.base.InitialWeights",),
    "model/prior": ("vaerun.model.prior.base.ConditionalPrior",),
    "model/decoder": ("vaerun.model.decoder.base.Decoder",),
    "model/decoder/initial_weights": ("vaerun.nn.initial_weights.base.InitialWeights",),
    "model/likelihood": ("vaerun.model.likelihood.base.Likelihood",),
    "model/likelihood/rate": ("vaerun.model.likelihood.rate.base.Rate",),
    "posterior": ("vaerun.posterior.base.Family",),
    "posterior/initial_weights": ("vaerun.nn.initial_weights.base.InitialWeights",),
    "objective": ("vaerun.objective.base.Objective",),
    "objective/kl_weight": ("vaerun.schedule.base.Schedule",),
    "estimator": ("vaerun.estimator.base.Estimator",),
    "estimator/baseline": ("vaerun.estimator.baseline.base.Baseline",),
    "estimator/temperature": ("vaerun.schedule.base.Schedule",),
    "amortizer": ("vaerun.amortizer.base.Amortizer",),
    "amortizer/initial_weights": ("vaerun.nn.initial_weights.base.InitialWeights",),
    "local": ("vaerun.local.solver.LocalSolver",),
    "local/optimizer": ("vaerun.local.optimizer.base.LocalOptimizer",),
    "strategy": ("vaerun.strategy.base.Strategy",),
    "strategy/encoder_loss": ("vaerun.strategy.encoder_loss.base.EncoderLoss",),
    "strategy/phi_init": ("vaerun.strategy.phi_init.base.PhiInit",),
    "strategy/refiner": ("vaerun.strategy.refiner.base.Refiner",),
    "strategy/lam_schedule": ("vaerun.schedule.base.Schedule",),
    "strategy/theta_schedule": ("vaerun.schedule.base.Schedule",),
    "optimizer": (
        *("vaerun.optimizer.base.Optimizer", "vaerun.optimizer.base.GuardedOptimizer"),
        "torch.optim.optimizer.Optimizer",
    ),
    "optimizer/schedule": ("vaerun.schedule.base.Schedule",),
    "execution": ("vaerun.execution.execution.Execution",),
    "trainer": ("vaerun.trainer.trainer.Trainer",),
    "evaluation": ("vaerun.evaluation.base.Evaluation",),
    "tracking": ("vaerun.tracking.base.Tracker",),
}
"""By group, the classes of which a class must be a kind; of another group, the constructor around it says it."""


KNOWN = "torch.optim."  # the start of modules whose optimisers need no trust: torch is imported in any case
CALLED = ("optimizer",)  # groups whose objects get further arguments later: _partial_ is true


class NotTrustedError(UserError):
    """A class of a package that the user has not named."""


class AbsentCodeError(UserError):
    """A class that is not vaerun's own does not exist in this folder and on Python's path."""


class Place(NamedTuple):
    """A class by the module that defines it, and its name there."""

    module: str
    name: str


def admitted(group: str, target: object, bases: Sequence[str] = ()) -> Place:
    """The class that a ``_target_`` names, if it may be built.

    Args:
        group: of the node, such as estimator/baseline; empty for a class of any group.
        target: the ``_target_``.
        bases: the dotted names of the classes of which it must be a kind; by default those of the group.

    Raises:
        UserError: it is not the name of a class, not a kind of the group, or not of a trusted package.
    """
    bases = BASES.get(home(group), tuple(bases)) if group else [base for some in BASES.values() for base in some]
    key = f"{group.replace('/', '.')}.{TARGET}".lstrip(".")
    if not isinstance(target, str) or "." not in target or not all(map(str.isidentifier, target.split("."))):
        raise UserError(f"{key} must be the dotted name of a class, got {target!r}: use {_remedy(group)}.")
    found = locate(target)
    top = target.partition(".")[0]
    if found is None and (top in (OWN, *trusted()) or package(top) is None):
        raise _absent(key, target)
    kind = found[1] if found is not None else None
    if found is None or not isinstance(kind, ast.ClassDef) or not set(bases) & set(ancestors(found[0], kind, bases)):
        wanted = " or ".join(bases) or "the class that the constructor around it asks for"
        raise UserError(
            f"{key}={target} is refused, because no source file declares it a class derived from {wanted}: "
            f"use {_remedy(group)}."
        )
    place = Place(found[0].name, kind.name)
    for name in (target, place.module):
        whose = name.partition(".")[0]
        if whose not in (OWN, *trusted()) and not (name + ".").startswith(KNOWN):
            names = [*trusted(), whose]
            raise NotTrustedError(
                f"{key}={target} is code of the package {whose}, which runs only if you allow it: add "
                f"{KEY}={whose if len(names) == 1 else '[' + ','.join(names) + ']'} if you know who wrote it."
            )
    return place


def check_targets(config: Mapping[str, Any]) -> None:
    """Refuses a configuration that names code anywhere but in the class of a part, or a class that may not be built.

    Raises:
        UserError: which key, and why.
    """
    if KEY in config:
        raise UserError(f"{KEY} is not taken from a file: remove it there, and give {KEY}=PACKAGE on the command line.")
    for group, node in config.items():
        if group in (TARGET, PARTIAL):
            raise UserError(f"{group} is not a key of a run: remove it.")
        if isinstance(node, Mapping) and TARGET in node and group in BASES:
            _check_called(str(group), node.get(PARTIAL, False), group in CALLED, "vaerun")
        _check_node(str(group), node, ())


def ancestors(home: Module, node: ast.ClassDef, wanted: Sequence[str] = ()) -> dict[str, None]:
    """The dotted names of a class and of all its bases, each by the module that defines it; read from source.

    The sources of Python and torch are large, and are read only if a ``wanted`` class is one of theirs.
    """
    skipped = FOREIGN - {name.partition(".")[0] for name in wanted}
    names: dict[str, None] = {}
    waiting: list[tuple[Module, ast.ClassDef]] = [(home, node)]
    while waiting:
        where, kind = waiting.pop()
        if f"{where.name}.{kind.name}" in names:
            continue
        names[f"{where.name}.{kind.name}"] = None
        for base in kind.bases:
            dotted = where.dotted(base)
            found = None if dotted.partition(".")[0] in skipped else locate(dotted)
            if found is not None and isinstance(found[1], ast.ClassDef):
                waiting.append((found[0], found[1]))
    return names


def asked(kind: Place, parameter: str) -> tuple[tuple[str, ...], bool]:
    """The classes that a constructor's parameter is annotated with, and whether it asks for a partial call."""
    found = locate(f"{kind.module}.{kind.name}")
    if found is None or not isinstance(found[1], ast.ClassDef):
        return (), False
    for where, node in _line(found[0], found[1]):
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return next((_names(where, a) for a in _arguments(statement) if a.arg == parameter), ((), False))
            if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == parameter:
                return _names(where, ast.arg(parameter, statement.annotation))
    return (), False


def _check_node(group: str, value: Any, bases: Sequence[str]) -> None:
    if isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            _check_node(f"{group}/{place}", item, ())
    if not isinstance(value, Mapping):
        return
    kind = None
    for key in value:
        name = str(key)
        if name.startswith("_") and name.endswith("_") and (name not in (TARGET, PARTIAL) or TARGET not in value):
            raise UserError(f"{group.replace('/', '.')}.{name} is not a key that vaerun takes: remove it.")
    if TARGET in value:
        kind = admitted(group, value[TARGET], bases)
    for key, child in value.items():
        takes: tuple[str, ...] = ()
        if kind is not None and isinstance(child, Mapping) and TARGET in child:
            takes, partial = asked(kind, str(key))
            if takes:
                _check_called(f"{group}/{key}", child.get(PARTIAL, False), partial, kind.name)
        _check_node(f"{group}/{key}", child, takes)


def _check_called(group: str, given: object, called: bool, by: str) -> None:
    """Whether the object is completed by whoever takes it, which ``_partial_`` says."""
    if given is not called:
        raise UserError(
            f"{group.replace('/', '.')}.{PARTIAL} must be {str(called).lower()}, got {given!r}, because {by} "
            f"{'completes' if called else 'does not complete'} its arguments."
        )


def _line(home: Module, node: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
    """A class and its bases, the class first."""
    for name in ancestors(home, node):
        found = locate(name)
        if found is not None and isinstance(found[1], ast.ClassDef):
            yield found[0], found[1]


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _names(home: Module, argument: ast.arg) -> tuple[tuple[str, ...], bool]:
    """The defining names of the classes in an annotation, and whether it is a Callable."""
    tree: ast.expr | None = argument.annotation
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        tree = ast.parse(tree.value, mode="eval").body
    named = [home.dotted(n) for n in ast.walk(tree) if isinstance(n, (ast.Name, ast.Attribute))] if tree else []
    found = [at for name in named if (at := locate(name)) is not None]
    partial = any(name.rpartition(".")[2] == "Callable" for name in named)
    return tuple(f"{where.name}.{node.name}" for where, node in found if isinstance(node, ast.ClassDef)), partial


def _absent(key: str, target: str) -> UserError:
    """A name that does not exist: where it ends, and the nearest name there."""
    home, _, name = target.rpartition(".")
    while home and module(home) is None:
        if wrong := damage(home):
            return UserError(f"{key}={target} cannot be used, because {wrong}: correct the file.")
        if "." not in home and folders(home):  # a package without __init__.py
            break
        home, _, name = home.rpartition(".")
    if not home:
        return AbsentCodeError(
            f"{key}={target} is not found, because {name} is neither in this folder nor on Python's path: "
            f"change to the folder that {name} is in, or set PYTHONPATH=FOLDER to it."
        )
    near = close_match(name, names_in(home))
    absent = f"{key}={target} does not exist, because {home} has no {name}"
    if home.partition(".")[0] in (OWN, *FOREIGN):
        return UserError(f"{absent}.{near}")
    elsewhere = f": change to the folder whose {home} has it, or set PYTHONPATH=FOLDER to that."
    return AbsentCodeError(f"{absent}.{near}" if near else f"{absent}{elsewhere}")


def _remedy(group: str) -> str:
    group = home(group)
    return f"an option of {group} (vaerun list {group})" if group in BASES else "a class of this kind, or remove it"
