"""y ↦ c: what a model conditions on, as the C numbers of a point, and its names ``y=0``, ``y=1``, …, ``age``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from vaerun.data.base import Dataset
from vaerun.data.covariates import Covariates, beside
from vaerun.data.given import numbers
from vaerun.errors import UserError, close_match
from vaerun.notation import Column

SHOWN = 12  # classes in a sentence


def labelled(
    data: Dataset,
    rows: Sequence[Tensor],
    *,
    labels: Tensor | None,
    classes: Sequence[str],
    condition: str | None,
    names: Sequence[str] = (),
    covariates: Covariates | None = None,
) -> Dataset:
    """The data set with its labels, and with c = (one-hot(y), covariates) if it conditions on them.

    Without a condition the labels only colour and name points: they are not in ``points`` and not in sha256.

    Args:
        data: the data set without labels.
        rows: of train, valid and test, the rows of the source that their points are, each Int[Tensor, "N"].
        labels: the class by row of the source, Int[Tensor, "R"], -1 where it is not known; None without labels.
        classes: names of the classes 0, 1, …
        condition: ``y``, or None.
        names: of the rows of the source.
        covariates: what else the model conditions on, by row of the source.

    Raises:
        UserError: it conditions on y, and points have no label or all have the same one.
    """
    if condition is not None:
        used = known_labels(labels, rows, data.name, ", or use data.condition=null")
        if len(used.unique()) < 2:
            raise UserError(
                f"data.condition=y needs at least two classes, but {data.name} has {len(used.unique())}: use "
                "data.condition=null."
            )
    c = beside(None if condition is None else of_labels(labels, classes), covariates)
    found = data.annotated(
        rows,
        given=None if c is None else c.given,
        given_names=() if c is None else c.names,
        labels=labels,
        label_names=classes,
        names=names,
    )
    known = {} if condition is None else {"classes": list(classes)}
    return replace(found, treatment={**found.treatment, **known}, covariates=() if c is None else c.columns)


def labelled_new(
    new: Dataset, *, labels: Tensor | None, classes: Sequence[str], known: Any, covariates: Covariates | None = None
) -> Dataset:
    """New points with c = (one-hot(y), covariates), at the classes of the training data.

    Args:
        new: a data set of new points alone, the split ``new``.
        labels: the class of each point, Int[Tensor, "N"].
        classes: names of these classes.
        known: those of the training data, as the run has recorded them.
        covariates: what else the model conditions on.

    Raises:
        UserError: a point has no label, or one that no training point had.
    """
    split, places = new.split("new"), {str(name): place for place, name in enumerate(known or ())}
    known_labels(labels, [torch.arange(len(split))], new.name)
    for name in classes:
        if name not in places:
            raise UserError(
                f"{new.name} has points of the class {name}, but the run was trained on the classes "
                f"{', '.join(places)}: leave these points out.{close_match(name, places)}"
            )
    assert labels is not None
    own = torch.tensor([places[name] for name in classes])[labels]
    c = beside(of_labels(own, list(places)), covariates)
    return replace(given_new(new, c, labels=own), labels=tuple(places))


def given_new(new: Dataset, c: Covariates | None, *, labels: Tensor | None = None) -> Dataset:
    """New points with c and their labels, where there are any.

    Args:
        new: a data set of new points alone, the split ``new``.
        c: of each point, or None.
        labels: the class of each point, Int[Tensor, "N"], or None.
    """
    split = replace(new.split("new"), given=None if c is None else c.given, labels=labels)
    found = replace(new.with_new(split), warnings=new.warnings)
    return found if c is None else replace(found, given=c.names, covariates=c.columns)


def of_labels(labels: Tensor | None, classes: Sequence[str]) -> Covariates:
    """c = one-hot(y) of labels, Int[Tensor, "R"], with the names ``y=0``, ``y=1``, …"""
    return Covariates(one_hot_rows(labels, len(classes)), tuple(f"y={name}" for name in classes))


def known_labels(labels: Tensor | None, rows: Sequence[Tensor], name: str, otherwise: str = "") -> Tensor:
    """The labels of some rows of the source.

    Args:
        labels: by row of the source; None without labels.
        rows: which.
        name: of the data, for the error message.
        otherwise: another remedy; a run that is trained keeps its condition.

    Raises:
        UserError: there are none, or some are not known.
    """
    if labels is None:
        raise UserError(f"data.condition=y needs a label for every point, but {name} has none: give them{otherwise}.")
    used = labels[torch.cat(list(rows))]
    unknown = int((used < 0).sum())
    if unknown:
        raise UserError(
            f"data.condition=y needs a label for every point, but {unknown:,} of {len(used):,} points of {name} "
            f"{'has' if unknown == 1 else 'have'} none: remove these points{otherwise}."
        )
    return used


def one_hot_rows(labels: Tensor | None, classes: int) -> Tensor:
    """One-hot vectors of labels, Float[Tensor, "R C"]; those of unknown labels are of the first class."""
    assert labels is not None
    return one_hot(labels.clamp(min=0).long(), classes).float()


@final
class Condition:
    """(names of the C numbers) ↦ c of the values that a user gives, such as ``y=3`` or ``{"y": 3, "age": 40}``.

    Numbers with names ``y=0``, ``y=1``, … are the one-hot vector of one variable y; any other name is one number, which
    the user gives in the units of the data: c = (number − mean)/std with the mean and std of a recorded column.

    Args:
        names: of the C numbers, in their order.
        columns: those of the source that the numbers were made of; a number without one is c itself.
    """

    def __init__(self, names: Sequence[str], columns: Sequence[Column] = ()) -> None:
        self.names = tuple(names)
        self.scales = {column.name: (column.mean, column.std) for column in columns if column.standardised}
        self.variables: dict[str, list[str]] = {}  # variable ↦ its classes; none for a number
        for name in names:
            variable, equals, of_class = name.partition("=")
            self.variables.setdefault(variable, []).extend([of_class] if equals else [])

    @property
    def classes(self) -> Sequence[str]:
        """The classes, if c is the one-hot vector of one variable; otherwise empty."""
        return next(iter(self.variables.values())) if len(self.variables) == 1 else ()

    def parse(self, text: str) -> dict[str, str]:
        """``y=3,age=40`` as values by variable; a class may have commas in its name.

        Raises:
            UserError: the text has not this form.
        """
        known = "|".join(map(re.escape, self.variables))
        parts = re.split(rf",(?=(?:{known})=)", text) if self.variables else [text]
        pairs = [part.partition("=") for part in parts]
        if not all(equals and name and value for name, equals, value in pairs):
            raise UserError(f"a condition is written NAME=VALUE, got {text!r}: use, for example, {self.example()}.")
        found = {name.strip(): value.strip() for name, _, value in pairs}
        if len(found) < len(pairs):
            raise UserError(
                f"a condition gives one value to each variable, got {text!r}: use, for example, {self.example()}."
            )
        return found

    def example(self) -> str:
        """A condition as text."""
        shown = {name: classes[0] if classes else self._usual(name) for name, classes in self.variables.items()}
        return ",".join(f"{name}={value}" for name, value in shown.items())

    def rows(self, given: Mapping[str, Any], n: int) -> Tensor:
        """c of n points, Float[Tensor, "n C"].

        Args:
            given: by variable, one value for all points or a sequence of n values; of a variable with classes the
                values are names of classes, or a tensor of their numbers 0, 1, …, such as ``Split.labels``; otherwise
                numbers in the units of the data.
            n: the number of points.

        Raises:
            UserError: a variable or class does not exist, a variable is missing, or there are not n values.
        """
        if not self.variables:
            raise UserError("the model has no condition, so none can be given: train it with data.condition=y.")
        for name in given:
            if name not in self.variables:
                raise UserError(
                    f"the model does not condition on {name}.{close_match(str(name), self.variables)} It conditions on "
                    f"{', '.join(self.variables)}."
                )
        missing = [name for name in self.variables if name not in given]
        if missing:
            raise UserError(
                f"the model conditions on {', '.join(self.variables)}, but no value is given for {', '.join(missing)}: "
                f"give, for example, {self.example()}."
            )
        columns = [self._columns(name, classes, given[name], n) for name, classes in self.variables.items()]
        order = [name for variable, classes in self.variables.items() for name in self._names(variable, classes)]
        return torch.cat(columns, 1)[:, [order.index(name) for name in self.names]]

    def each_class(self, n: int) -> Tensor:
        """c of n points of each class, class by class, Float[Tensor, "classes·n C"]."""
        return torch.eye(len(self.names)).repeat_interleave(n, 0)

    def words(self, c: Tensor) -> str:
        """c of one point in words, Float[Tensor, "C"]: ``y=3, age=40``."""
        said = []
        for variable, classes in self.variables.items():
            own = c[[self.names.index(name) for name in self._names(variable, classes)]]
            mean, std = self.scales.get(variable, (0.0, 1.0))
            number = f"{mean + std * float(own[0]):.6g}"
            said.append(f"{variable}={classes[int(own.argmax())] if classes else number}")
        return ", ".join(said)

    def _usual(self, variable: str) -> str:
        """A number that fits into an example: the mean of the variable, if it is known."""
        return f"{self.scales[variable][0]:.3g}" if variable in self.scales else "0.5"

    def _names(self, variable: str, classes: Sequence[str]) -> list[str]:
        return [f"{variable}={of_class}" for of_class in classes] or [variable]

    def _columns(self, variable: str, classes: Sequence[str], given: Any, n: int) -> Tensor:
        several = not isinstance(given, str) and hasattr(given, "__len__") and getattr(given, "ndim", 1) > 0
        values = list(given) if several else [given] * n
        if len(values) != n:
            raise UserError(f"{variable} must have one value for each of the {n} points, got {len(values)}.")
        if classes and isinstance(given, Tensor):
            return torch.eye(len(classes))[self._codes(variable, classes, given).expand(n)]
        if classes:
            places = [self._place(variable, classes, value) for value in values]
            return torch.eye(len(classes))[places]
        try:
            found = numbers(variable, [float(value) for value in values]).double()
        except (TypeError, ValueError):
            raise UserError(
                f"{variable} must be a number, got {given!r}: give, for example, {variable}={self._usual(variable)}."
            ) from None
        mean, std = self.scales.get(variable, (0.0, 1.0))
        found = ((found - mean) / std).float()
        if not bool(torch.isfinite(found).all()):
            raise UserError(
                f"{variable} must be finite, got {given!r}: give, for example, {variable}={self._usual(variable)}."
            )
        return found.unsqueeze(1)

    def _codes(self, variable: str, classes: Sequence[str], given: Tensor) -> Tensor:
        """The numbers of classes that a tensor holds, such as ``Split.labels``, Int[Tensor, "n"]."""
        codes = given.cpu()
        if codes.is_floating_point() or bool(((codes < 0) | (codes >= len(classes))).any()):
            raise UserError(
                f"a tensor of {variable} must hold the numbers of classes, whole numbers from 0 to {len(classes) - 1}, "
                f"as Split.labels does: give their names as texts instead, such as {variable}={classes[0]}."
            )
        return codes.long()

    def _place(self, variable: str, classes: Sequence[str], value: Any) -> int:
        value = value.item() if hasattr(value, "item") else value
        text = str(value)
        if text not in classes and isinstance(value, (bool, float)):
            text = f"{float(value):.15g}"  # a class of numbers is named without a decimal point
        if text in classes:
            return list(classes).index(text)
        listed = ", ".join([*classes[:SHOWN], *(["…"] if len(classes) > SHOWN else [])])
        raise UserError(
            f"{variable}={text} is not a class of the training data.{close_match(text, classes)} The classes of "
            f"{variable} are {listed}."
        )
