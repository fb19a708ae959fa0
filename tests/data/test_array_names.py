import re
from pathlib import Path

import pytest

from vaerun.data.array_names import ArrayNames
from vaerun.errors import UserError

KERAS = ("x_train", "y_train", "x_test", "y_test")
BOTH = {"train": "x_train", "test": "x_test"}
PATH = Path("mnist.npz")


@pytest.mark.parametrize(
    ("keys", "held", "points", "labels"),
    [
        ({**BOTH, "label": "y_train"}, KERAS, ("x_train", "x_test"), ("y_train", "y_test")),
        ({"train": "x_train", "label": "y_train"}, KERAS, ("x_train",), ("y_train",)),
        ({**BOTH, "label": ["y_train", None]}, KERAS, ("x_train", "x_test"), ("y_train",)),
        (
            {"train": "train_x", "valid": "val_x", "label": "train_labels"},
            ("train_x", "val_x", "train_labels", "val_labels"),
            ("train_x", "val_x"),
            ("train_labels", "val_labels"),
        ),
        ({"key": "imgs", "label": "latents"}, ("imgs", "latents"), ("imgs",), ("latents",)),
        ({"label": "y"}, ("x", "y"), ("x",), ("y",)),
        ({"label": "train_y"}, ("train", "test", "train_y", "test_y"), ("train", "test"), ("train_y", "test_y")),
    ],
)  # fmt: skip
def test_few_keys_name_points_and_labels(keys, held, points, labels):
    chosen = ArrayNames(**keys).choose(held, PATH)
    assert (chosen.points, tuple(chosen.labels.values())) == (points, labels)
    assert chosen.arrays == (*points, *labels)
    assert tuple(chosen.splits.values()) == (
        points if {"train", "test", "valid"} & keys.keys() or "train" in held else ()
    )


@pytest.mark.parametrize(
    ("keys", "held", "reason"),
    [
        ({}, KERAS, r"arrays are x_train, y_train, x_test, y_test, .* use data\.train=x_train data\.test=x_test,"),
        ({}, ("imgs", "latents"), r"must be named, because its arrays are imgs, latents, .* use data\.key=imgs"),
        ({"key": "img"}, ("imgs", "y"), r"data\.key must name an array of .*, got img: .* Did you mean 'imgs'"),
        ({"train": "x_tran"}, KERAS, r"data\.train must name .*Did you mean 'x_train'"),
        ({"train": "x_train", "label": "y_trian"}, KERAS, r"data\.label must name .*Did you mean 'y_train'"),
        ({**BOTH, "label": "y_test"}, KERAS, r"such as data\.label=\[y_test,null\]"),
        ({**BOTH, "label": ["y_train"]}, KERAS, r"one name for each of train, test, got 1"),
        ({**BOTH, "label": ["y_train", "y"]}, KERAS, r"must name an array .*, got y:"),
        ({"key": "x_train", "label": "x_train"}, KERAS, r"another array than the points, got x_train"),
        ({}, tuple(f"a{n}" for n in range(99)), r"are a0, a1, a2, a3, a4, a5, a6, a7 …, and"),
        ({}, ("a\x1b[2J", "b", "c" * 99), re.escape(f"are 'a\\x1b[2J', b, {'c' * 37}...")),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_answered_with_those_that_are(keys, held, reason):
    with pytest.raises(UserError, match=reason):
        ArrayNames(**keys).choose(held, PATH)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"key": "a", "train": "b"}, r"data\.key names the one array .* does not go with data\.train=b"),
        ({"test": "b"}, r"data\.test=b needs training points, too: name their array with data\.train=NAME"),
        ({"train": "b", "test": "b"}, r"every split must be another array, got data\.train=b and data\.test=b"),
    ],
)
def test_names_that_do_not_go_together_stop_before_the_file_is_read(keys, reason):
    with pytest.raises(UserError, match=reason):
        ArrayNames(**keys)
