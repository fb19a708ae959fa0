"""Names of the arrays in an npz file ↦ which of them are the points, their splits and their labels."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, final

from vaerun.data.data_file import DamagedFileError
from vaerun.errors import UserError, close_match

SPLITS = ("train", "valid", "test")
SHOWN = 8


class Chosen(NamedTuple):
    """The arrays of points, split ↦ its array (empty for one array without splits), array of points ↦ of its labels."""

    points: tuple[str, ...]
    splits: dict[str, str]
    labels: dict[str, str]

    @property
    def arrays(self) -> tuple[str, ...]:
        """All arrays that are to be read, each once."""
        return tuple(dict.fromkeys([*self.points, *self.labels.values()]))


@final
@dataclass(frozen=True)
class ArrayNames:
    """The keys of ``data`` that name arrays.

    Args:
        key: the one array of points.
        train: the training points; it can come with ``valid`` and ``test``.
        valid: the validation points.
        test: the test points.
        label: the labels of these points: one name, or a list with a name (or None) for each array of points.

    Raises:
        UserError: names that do not go together.
    """

    key: str | None = None
    train: str | None = None
    valid: str | None = None
    test: str | None = None
    label: str | Sequence[str | None] | None = None

    def __post_init__(self) -> None:
        given = [f"data.{split}={name}" for split, name in self.splits.items()]
        if self.key and given:
            raise UserError(
                f"data.key names the one array of all points, so it does not go with {' and '.join(given)}: leave out "
                "data.key or the names of splits."
            )
        if given and not self.train:
            raise UserError(f"{' and '.join(given)} needs training points, too: name their array with data.train=NAME.")
        if len(set(self.splits.values())) < len(given):
            raise UserError(f"every split must be another array, got {' and '.join(given)}.")

    @property
    def splits(self) -> dict[str, str]:
        """Split ↦ the name that is given for it."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {split: name for split, name in named.items() if name}

    def refuse_without_npz(self, path: Path) -> None:
        """Refuses names for a file with one array that has no name.

        Raises:
            UserError: which key.
        """
        given = {"data.key": self.key} | {f"data.{split}": name for split, name in self.splits.items()}
        for key, name in given.items():
            if name:
                raise UserError(f"{key}={name} names an array of an npz file, and {path} is none: leave out {key}.")
        if self.label is not None:
            raise UserError(
                f"data.label names an array of an npz file, and {path} is none: give labels in a file of their own, "
                "data.label_path=FILE."
            )

    def choose(self, held: Sequence[str], path: Path) -> Chosen:
        """The arrays to read, by the keys, or by their names where no key is given.

        Without keys, these are train, valid and test if there are all three, otherwise x, otherwise train with valid or
        test, otherwise the only array.

        Args:
            held: the names in the file.
            path: the file, for the error message.

        Raises:
            UserError: an array that a key names is not there, or none is named and the names do not show the points.
        """
        splits = self.splits
        if not splits and not self.key:
            splits = _by_name(held)
        points = tuple(splits.values()) or (self.key or _only(held, path),)
        for key, name in {**{f"data.{split}": name for split, name in splits.items()}, "data.key": self.key}.items():
            _refuse_absent(key, name, held, path)
        return Chosen(points, splits, self._labels(points, splits, held, path))

    def _labels(
        self, points: Sequence[str], splits: Mapping[str, str], held: Sequence[str], path: Path
    ) -> dict[str, str]:
        """Array of points ↦ array of its labels."""
        if self.label is None:
            return {}
        if isinstance(self.label, str):
            _refuse_absent("data.label", self.label, held, path)
            names: Sequence[str | None] = [
                self.label if number == 0 else _beside(self.label, points[0], name)
                for number, name in enumerate(points)
            ]
            if len(points) > 1 and not all(name in held and names.count(name) == 1 for name in names):
                raise UserError(
                    f"data.label={self.label} does not say where the labels of all splits are: use a list of one name "
                    f"for each of {', '.join(splits)}, such as data.label=[{self.label}{',null' * (len(points) - 1)}] "
                    f"with null for no labels; the arrays of {path} are {shown(held)}."
                )
        else:
            names = list(self.label)
            if len(names) != len(points):
                raise UserError(
                    f"data.label must have one name for each of {', '.join(splits) or points[0]}, got {len(names)}: "
                    f"use null for points without labels; the arrays of {path} are {shown(held)}."
                )
            for name in names:
                _refuse_absent("data.label", name, held, path)
        labels = {point: name for point, name in zip(points, names, strict=True) if name is not None}
        if clash := [name for name in labels.values() if name in points]:
            raise UserError(f"data.label must name another array than the points, got {clash[0]}.")
        return labels


def shown(names: Sequence[str]) -> str:
    """Names in a sentence: text from a file can hold control characters for a terminal."""
    return ", ".join(map(_shown, names[:SHOWN])) + (" …" if len(names) > SHOWN else "") if names else "none"


def _shown(name: str) -> str:
    name = name if len(name) <= 40 else f"{name[:37]}..."
    return name if name.isprintable() else repr(name)


def _refuse_absent(key: str, name: str | None, held: Sequence[str], path: Path) -> None:
    if name is not None and name not in held:
        raise UserError(
            f"{key} must name an array of {path}, got {name}: its arrays are {shown(held)}.{close_match(name, held)}"
        )


def _by_name(held: Sequence[str]) -> dict[str, str]:
    """Split ↦ array, where the arrays have the names of splits; train is not enough."""
    splits = {split: split for split in SPLITS if split in held}
    return splits if len(splits) == len(SPLITS) or (len(splits) > 1 and "train" in splits and "x" not in held) else {}


def _only(held: Sequence[str], path: Path) -> str:
    """The array of the points where no key names it."""
    if not held:
        raise DamagedFileError("it holds no arrays")
    if "x" in held:
        return "x"
    if len(held) == 1:
        return held[0]
    pairs = [(name, name.replace("train", "test")) for name in held if "train" in name]
    pair = next((pair for pair in pairs if pair[1] in held), None)
    plain = [name for name in held if name.isidentifier()]
    if not plain:
        raise DamagedFileError(f"its arrays are {shown(held)}, and none of these is a name that a user gives to points")
    use = f"data.train={pair[0]} data.test={pair[1]}" if pair else f"data.key={plain[0]}"
    raise UserError(
        f"the points in {path} must be named, because its arrays are {shown(held)}, and not train, valid and test, or "
        f"x, or only one: use {use}, if these are the points."
    )


def _beside(label: str, train: str, other: str) -> str:
    """The name that differs from ``label`` as ``other`` differs from ``train``: y_train, x_train, x_test ↦ y_test."""
    found = re.fullmatch(r"(.*)train(.*)", train)
    if found is None or "train" not in label or not other.startswith(found[1]) or not other.endswith(found[2]):
        return label
    word = other[len(found[1]) : len(other) - len(found[2])]
    before, _, after = label.rpartition("train")
    return before + word + after
