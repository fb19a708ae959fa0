"""A data set from a user's own file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, final

import numpy as np
from torch import Tensor

from vaerun.config.ranges import above
from vaerun.data.array_file import FileArrays, read_arrays, read_named
from vaerun.data.array_names import ArrayNames
from vaerun.data.assemble import assemble, assemble_new
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.condition import labelled, labelled_new
from vaerun.data.data_file import located
from vaerun.data.hide import Hide
from vaerun.data.labels import Classes, Labelled, classes_of_parts
from vaerun.data.layout import refuse_unknown_layout
from vaerun.data.mapped import joined, refuse_unknown_memory
from vaerun.data.mapped_arrays import mapped_arrays
from vaerun.data.missing import ABOUT_NAN, marks, told
from vaerun.data.overlap import overlap_warnings
from vaerun.data.random_split import RandomSplit
from vaerun.data.stream import stream
from vaerun.data.tidy import REMOVE, Tidied, scale_of, tidy
from vaerun.data.vectors import with_columns, with_noise
from vaerun.errors import UserError


@final
class Arrays(Source):
    """FILE ↦ data set: an npz, npy or IDX file with images [N, H, W] or [N, H, W, C], or with vectors [N, X].

    The points of an npz file are the arrays that keys name. Without keys they are its arrays train, valid and test,
    otherwise x, otherwise train with valid or test, otherwise its only array. A folder with the files train.npy,
    valid.npy and test.npy is read as an npz file with these arrays. A split that the file does not give is taken from
    its training points, or from all points, by torch's randperm of their number n from ``split_seed``: the first
    int(n · test_fraction) of them are test, the next int(n · valid_fraction) valid, and the rest train. Files are read
    compressed or not. Whole numbers from 0 to 255 and booleans are stored as uint8, everything else as float32.

    Nothing else is done to the values unless a key asks for it, except that uint8 images with a value above 127 are
    divided by 255, and that images [N, C, H, W] are turned to [N, H, W, C] where only the first axis can be the
    channels. All that is done is logged before training, and is ``data.values`` of summary.json.

    Args:
        path: the file.
        key: the one array of points of an npz file.
        train: the array of training points of an npz file; it can come with ``valid`` and ``test``.
        valid: the array of validation points.
        test: the array of test points.
        label: the array with the label of each point, [N], whole numbers or texts; −1 and an empty text say that it is
            not known. For several arrays of points a list with a name or null for each, or one name with the word
            train: y_train with train=x_train and test=x_test is the same as [y_train,y_test]. No model is
            trained on labels.
        label_path: an npy or IDX file with the label of each point, for a file with one array of points.
        condition: y: the model conditions on the label, as a one-hot vector; null: labels only colour plots and name
            points.
        scale: the factor of stored values. Null: 1/255 for uint8 images with a value above 127, 1 for floats,
            booleans, and whole numbers that are all 0 or 1; other whole numbers need it.
        layout: channels_last or channels_first, for images with an axis of channels. Null: the axis of 1 to 4 values,
            if only the first or only the last axis is one.
        binarize: none, static, dynamic or threshold; the last three need scaled values in [0, 1].
        binarize_seed: of static binarisation, and of valid and test under dynamic.
        standardise: whether the model standardises each coordinate of vectors; its bound stays in nats of the data as
            given.
        dequantise: whether uniform noise is added, at every visit, to each coordinate of vectors whose values lie on a
            grid, as wide as the grid. The bound is then one on the log probability of the cells of that grid.
        dequantise_seed: of the noise of validation and test points, which is drawn once.
        split_seed: of the split.
        valid_fraction: fraction of the validation points.
        test_fraction: fraction of the test points.
        memory: read reads the file into memory. map leaves the values of an npy file on the disk and reads the rows of
            each batch; results are the same to the bit. auto maps what would take more than half of the free memory.
            Files with ``missing`` values are read.
        missing: nan, or the number that stands for a missing value in the file; null if no value is missing.
        hide: fraction of the values that are hidden, missing completely at random (``data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: a value is out of range; in ``load``, the file is missing or damaged, does not hold the named arrays,
        has values that are not finite or do not fit into float32, or needs ``scale`` or ``layout``.

    Reference: NumPy's file formats (numpy.lib.format), and IDX as published with MNIST.
    """

    ignored_when: ClassVar = {
        "binarize_seed": ("binarize", ("none", "threshold")),
        "hide_seed": ("hide", (0, 0.0)),
        "dequantise_seed": ("dequantise", (False,)),
    }

    def __init__(
        self,
        *,
        path: str | None = None,
        key: str | None = None,
        train: str | None = None,
        valid: str | None = None,
        test: str | None = None,
        label: str | Sequence[str | None] | None = None,
        label_path: str | None = None,
        condition: Literal["y"] | None = None,
        scale: float | None = None,
        layout: str | None = None,
        binarize: str = "none",
        binarize_seed: int = 0,
        standardise: bool = False,
        dequantise: bool = False,
        dequantise_seed: int = 0,
        split_seed: int = 0,
        valid_fraction: float = 0.1,
        test_fraction: float = 0.1,
        memory: str = "auto",
        missing: Literal["nan"] | float | None = None,
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        if not path:
            raise UserError("data.path must name an npz, npy or IDX file for data=arrays: give data.path=FILE.")
        above("data.scale", scale, 0)
        refuse_unknown_layout(layout)
        refuse_unknown_memory(memory)
        self.split = RandomSplit(seed=split_seed, valid_fraction=valid_fraction, test_fraction=test_fraction)
        self.path = located("data.path", path)
        self.names = ArrayNames(key=key, train=train, valid=valid, test=test, label=label)
        self.label_path = located("data.label_path", label_path) if label_path else None
        if self.label_path is not None and label is not None:
            raise UserError(
                f"data.label={label} and data.label_path={label_path} both give labels: leave out one of them."
            )
        self.scale, self.layout, self.memory = scale, layout, memory
        self.choice = binarization(binarize, seed=binarize_seed)
        self.standardise, self.dequantise, self.dequantise_seed = standardise, dequantise, dequantise_seed
        stream("data.dequantise_seed", dequantise_seed)
        if memory == "map" and (missing is not None or hide or dequantise):
            raise UserError(
                "data.memory=map leaves the values in the file, but data.missing, data.hide and data.dequantise change "
                "them: use data.memory=read."
            )
        self.missing, self.hide = missing, Hide(fraction=hide, seed=hide_seed)
        self.own: dict[str, Tensor] = {}
        self.condition = condition

    def load(self) -> Dataset:
        held, tidied = self._read()
        scale = scale_of(tidied, self.scale, self.path)
        classes = self._classes(held)
        rows = dict(zip(held.splits or ("train",), tidied.rows.values(), strict=True))
        tidied.rows.clear()
        del held  # it may be as large as the data
        self.own, found, (train, valid, test) = self.split.divided(rows, self.path)
        remedy = "remove the repeated points from the file"
        data = assemble(
            self.path.name,
            (train, valid, test),
            shape=tidied.shape,
            scale=scale,
            choice=self.choice,
            said=tidied.said,
            warnings=list(overlap_warnings(train, remedy=remedy, valid=valid, test=test)),
        )
        data = self.hide(data)
        if self.missing is not None and not data.missing:
            data = told(data)
        if self.standardise or self.dequantise:
            data = with_columns(
                data, standardise=self.standardise, dequantise=self.dequantise, seed=self.dequantise_seed
            )
        labels, names = (None, ()) if classes is None else classes
        return labelled(data, found, labels=labels, classes=names, condition=self.condition)

    def load_new(self, treatment: Mapping[str, Any]) -> Dataset:
        held, tidied = self._read(about_nan=REMOVE)  # the run fixes data.missing
        scale = treatment.get("scale")
        known = isinstance(scale, float) and 0 < scale < math.inf
        if (
            known
            and scale != 1
            and treatment.get("whole")
            and any(self._looks_scaled(array) for array in held.points.values())
        ):
            raise UserError(
                f"{self.path} must hold whole numbers like the file that the run was trained with, whose values were "
                f"multiplied by {scale:.6g}, got floats: save the values before they are scaled."
            )
        new = assemble_new(
            self.path.name,
            joined(list(tidied.rows.values())),
            shape=tidied.shape,
            scale=scale_of(tidied, float(scale) if known else self.scale, self.path),  # type: ignore[arg-type]
            choice=self.choice,
            said=tidied.said,
        )
        if self.missing is not None:
            new = replace(new, missing=True)
        if self.dequantise:
            new = with_noise(new, treatment.get("widths"), seed=self.dequantise_seed)
        if self.condition is None:
            return new
        labels, names = self._classes(held) or (None, ())
        return labelled_new(new, labels=labels, classes=names, known=treatment.get("classes"))

    def _looks_scaled(self, array: np.ndarray) -> bool:
        """Whether an array of floats is not the whole numbers of the training data, and may be scaled already.

        Whole numbers may be saved as floats only where values are missing, which integers cannot mark. If all of them
        are at most 1, they are more likely to be scaled than dark.
        """
        if array.dtype.kind != "f":
            return False
        seen = array[~marks(array, self.missing)]
        return self.missing is None or not (seen == seen.round()).all() or seen.max(initial=0) <= 1

    def unused(self) -> Sequence[str]:
        return self.split.unused(self.own)

    def _read(self, *, about_nan: str = ABOUT_NAN) -> tuple[FileArrays, Tidied]:
        """The arrays of the file, and their rows."""
        whole = self.missing is not None or self.hide.fraction > 0 or self.dequantise
        mapped = mapped_arrays(self.path, memory="read" if whole else self.memory)
        if mapped is None:
            held = read_named(self.path, self.names)
        else:
            self.names.refuse_without_npz(self.path)
            held = FileArrays(mapped.arrays, {name: name for name in mapped.arrays if len(mapped.arrays) > 1}, {})
        files = {} if mapped is None else mapped.files
        tidied = tidy(
            held.points, self.path, layout=self.layout, files=files, missing=self.missing, about_nan=about_nan
        )
        return held, tidied

    def _classes(self, held: FileArrays) -> Classes | None:
        """The classes of all points of the file, in the order of their arrays; None without ``label``."""
        labels, file = held.labels, self.path
        if self.label_path is not None:
            file = self.label_path
            if held.splits:
                raise UserError(
                    f"data.label_path={file} is for one array of points, and {self.path} holds splits: "
                    "save the labels in the same file, and name them with data.label."
                )
            labels = dict(zip(held.points, list(read_arrays(file).values())[:1], strict=True))
        if not labels:
            return None
        return classes_of_parts(
            [Labelled(f"the labels in {file}", labels.get(name), len(x)) for name, x in held.points.items()]
        )
