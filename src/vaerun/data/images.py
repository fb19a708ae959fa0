"""A data set from a folder of images."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeVar, final

import numpy as np
import torch
from torch import Tensor

from vaerun.data.assemble import assemble, assemble_new
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.condition import given_new, labelled, labelled_new
from vaerun.data.data_file import TooLargeError, located, refuse_too_large
from vaerun.data.hide import Hide
from vaerun.data.image_file import MODES, Look, Target, look, pixels
from vaerun.data.image_folder import ImageFolder, find_images
from vaerun.data.image_labels import labels_of
from vaerun.data.image_target import refuse_unknown_choices, target_of
from vaerun.data.labels import Classes, classes_of
from vaerun.data.overlap import overlap_warnings
from vaerun.data.progress import shown
from vaerun.data.random_split import RandomSplit
from vaerun.errors import UserError

BLOCK = 256
"""Images that are given to the threads at a time."""
MOST_THREADS = 8
Item = TypeVar("Item")
Result = TypeVar("Result")


class Read(NamedTuple):
    """All images of a folder."""

    shape: tuple[int, ...]
    folder: ImageFolder
    classes: Classes | None
    said: list[str]
    warnings: list[str]
    rows: Tensor  # uint8 [N, X]


@final
class Images(Source):
    """FOLDER ↦ data set: PNG and JPEG images of 8 bits, [H, W] if they are grey, [H, W, 3] if they are in colour.

    Images are in the order of their names. Folders train, valid (or val) and test hold the splits, if there are no
    other folders beside them. A split that has no folder is taken from train, or from all images, by torch's randperm
    of their number n from ``split_seed``: the first int(n · test_fraction) are test, the next int(n · valid_fraction)
    valid, and the rest train. Inside a split the first folder of an image is its class.

    Pixels are stored as uint8 and divided by 255. The orientation that a camera has stated in EXIF is applied; colour
    profiles are not. Everything else that would change pixels is refused or asked for, and all that is done is logged
    before training and is ``data.values`` of summary.json. Images of 16 bits, animations, CMYK colours and transparent
    pixels are refused.

    Args:
        path: the folder.
        size: [height, width] that all images are made, by bicubic interpolation with antialiasing. Null: the images
            must have one size.
        resize: for images whose aspect ratio is not that of ``size``: crop cuts off what is too long on both sides
            alike, stretch changes the aspect ratio. Null: such images are refused.
        colour: grey (0.299 R + 0.587 G + 0.114 B) or rgb. Null: what all images are.
        label_path: a CSV file with the columns file (its name below the folder) and label. Null: the folders are the
            classes. No model is trained on labels.
        condition: y: the model conditions on the label, as a one-hot vector; null: labels only colour plots and name
            points.
        binarize: none, static, dynamic or threshold.
        binarize_seed: of static binarisation, and of valid and test under dynamic.
        split_seed: of the split.
        valid_fraction: fraction of the validation points.
        test_fraction: fraction of the test points.
        hide: fraction of the values to hide, as if they were missing (``vaerun.data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: a value is out of range; in ``load``, the folder or a file cannot be read, the images do not fit into
        memory, or they differ in size, colour or aspect ratio and no key says what to do.

    Reference: Clark et al., Pillow; the folders are those of torchvision's ImageFolder.
    """

    def __init__(
        self,
        *,
        path: str | None = None,
        size: Sequence[int] | None = None,
        resize: str | None = None,
        colour: str | None = None,
        label_path: str | None = None,
        condition: Literal["y"] | None = None,
        binarize: str = "none",
        binarize_seed: int = 0,
        split_seed: int = 0,
        valid_fraction: float = 0.1,
        test_fraction: float = 0.1,
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        if not path:
            raise UserError("data.path must name a folder of images for data=images: give data.path=FOLDER.")
        refuse_unknown_choices(size, resize, colour)
        self.split = RandomSplit(seed=split_seed, valid_fraction=valid_fraction, test_fraction=test_fraction)
        self.path = located("data.path", path)
        self.label_path = located("data.label_path", label_path) if label_path else None
        self.size, self.resize, self.colour = size, resize, colour
        self.choice = binarization(binarize, seed=binarize_seed)
        self.hide = Hide(fraction=hide, seed=hide_seed)
        self.own: dict[str, Tensor] = {}
        self.condition = condition

    def load(self) -> Dataset:
        read = self._read()
        splits = np.array(read.folder.splits)
        places = {split: torch.from_numpy(np.flatnonzero(splits == split)) for split in ("train", "valid", "test")}
        self.own = {split: place for split, place in places.items() if len(place)}
        found = self.split.completed(self.own or {"train": torch.arange(len(splits))}, self.path)
        train, valid, test = (read.rows[place] for place in found)
        shape, folder, classes, said, warnings = read[:-1]
        del read  # its rows were copied
        if len(train) < 2:
            raise UserError(f"train must hold at least 2 images, got {len(train)} in {self.path}: use more images.")
        remedy = "remove the repeated images"
        data = assemble(
            self.path.name,
            (train, valid, test),
            shape=shape,
            scale=1 / 255,
            choice=self.choice,
            said=said,
            warnings=[*warnings, *overlap_warnings(train, remedy=remedy, valid=valid, test=test)],
        )
        return labelled(
            self.hide(data),
            found,
            labels=None if classes is None else classes.numbers,
            classes=() if classes is None else classes.names,
            condition=self.condition,
            names=folder.names,
        )

    def load_new(self, treatment: Mapping[str, Any]) -> Dataset:
        shape, folder, classes, said, _, rows = self._read(needs_labels=self.condition is not None)
        new = assemble_new(self.path.name, rows, shape=shape, scale=1 / 255, choice=self.choice, said=said)
        labels, names = (None, ()) if classes is None else classes
        if self.condition is None:
            new = replace(given_new(new, None, labels=labels), labels=tuple(names))
        else:
            new = labelled_new(new, labels=labels, classes=names, known=treatment.get("classes"))
        return replace(new, names=tuple(folder.names))

    def _read(self, *, needs_labels: bool = True) -> Read:
        """All images, in the order of their names.

        Args:
            needs_labels: whether a table of labels must name some of them.
        """
        folder = find_images(self.path)
        seen = list(_each(look, folder.files, f"looking at the images of {self.path}"))
        target, said = target_of(folder, seen, size=self.size, resize=self.resize, colour=self.colour)
        labels, warnings = labels_of(folder, self.label_path, needed=needs_labels)
        classes = classes_of("labels", labels, len(labels)) if labels else None
        shape = (target.height, target.width, *((3,) if target.colour == "rgb" else ()))
        return Read(shape, folder, classes, said, warnings, _rows(folder, seen, target))

    def unused(self) -> Sequence[str]:
        return self.split.unused(self.own)


def _rows(folder: ImageFolder, seen: Sequence[Look], target: Target) -> Tensor:
    """The pixels of all images, uint8 [N, X]."""
    size = target.height * target.width * len(MODES[target.colour])
    try:
        refuse_too_large(len(seen) * size, 1)
    except TooLargeError as error:
        raise UserError(
            f"{folder.path} cannot be used, because {error}: use fewer images, or a smaller data.size."
        ) from None
    rows = np.empty((len(seen), size), np.uint8)

    files = folder.files

    def read(number: int) -> None:
        rows[number] = pixels(files[number], seen[number], target).reshape(-1)

    for _ in _each(read, range(len(seen)), f"reading the images of {folder.path}"):
        pass
    return torch.from_numpy(rows)


def _each(function: Callable[[Item], Result], items: Sequence[Item], what: str) -> Iterator[Result]:
    """The results in the order of the items; Pillow decodes and resizes in several threads at once."""

    def results() -> Iterator[Result]:
        threads = min(MOST_THREADS, os.cpu_count() or 1)
        with ThreadPoolExecutor(threads) as pool, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about sizes and EXIF; what matters here is an error
            for start in range(0, len(items), BLOCK):
                yield from pool.map(function, items[start : start + BLOCK])

    yield from shown(results(), len(items), what)
