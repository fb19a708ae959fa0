import gzip
import shutil

import numpy as np
import pytest
import torch

from vaerun.data.condition import Condition, labelled, labelled_new
from vaerun.data.digits import Digits
from vaerun.data.fashion_mnist import FashionMnist
from vaerun.data.mnist import Mnist
from vaerun.errors import UserError

MIXED = Condition(["y=a,b", "y=c", "age"])


def test_labels_change_neither_points_nor_sha256_unless_the_model_conditions_on_them():
    plain, conditioned = Digits().load(), Digits(condition="y").load()
    assert plain.train.points().shape == (1297, 64)
    assert plain.given == ()
    assert plain.labels == conditioned.labels == tuple("0123456789")
    points = conditioned.train.points(torch.tensor([5, 0]))
    assert points.shape == (2, 74)
    assert torch.equal(points[:, :64], plain.train.points(torch.tensor([5, 0])))
    assert torch.equal(points[:, 64:].argmax(1), plain.train.labels[[5, 0]])
    assert torch.equal(points[:, 64:].sum(1), torch.ones(2))
    assert conditioned.given[3] == "y=3"
    assert conditioned.sha256 != plain.sha256
    assert conditioned.mean().shape == (64,)


def test_the_labels_of_the_digits_are_scikit_learns():
    datasets = pytest.importorskip("sklearn.datasets")
    order = np.random.default_rng(0).permutation(1797)
    data = Digits().load()
    found = torch.cat([data.train.labels, data.valid.labels, data.test.labels])
    assert found.tolist() == datasets.load_digits().target[order].tolist()


@pytest.mark.parametrize(("source", "folder"), [(Mnist, "MNIST"), (FashionMnist, "FashionMNIST")])
def test_the_labels_of_published_sets_are_the_rows_of_their_files(published, source, folder):
    data = source(root=str(published)).load()
    for name, split in (("train", data.train), ("t10k", data.test)):
        with gzip.open(published / folder / f"raw/{name}-labels-idx1-ubyte.gz") as file:
            rows = np.frombuffer(file.read(), np.uint8, offset=8)
        assert split.labels.tolist() == rows[: len(split)].tolist()
    assert len(data.labels) == 10


def test_without_label_files_images_are_read_as_before_and_a_condition_names_the_file(published, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("vaerun.data.mnist.MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    for name in ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"):
        shutil.copy(published / "MNIST/raw" / name, tmp_path)
    assert Mnist(root=str(tmp_path)).load().train.labels is None
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte\.gz is not in"):
        Mnist(root=str(tmp_path), condition="y").load()


def test_points_without_a_label_cannot_be_conditioned_on():
    data, rows = Digits().load(), torch.arange(1797).split([1297, 200, 300])
    labels = torch.arange(1797) % 2 - 1
    assert labelled(data, rows, labels=labels, classes=["a"], condition=None).train.labels[0] == -1
    with pytest.raises(UserError, match="899 of 1,797 points of digits have none: remove"):
        labelled(data, rows, labels=labels, classes=["a"], condition="y")


def test_a_condition_is_one_hot_for_classes_and_a_number_otherwise():
    assert MIXED.parse("age=40,y=a,b") == {"age": "40", "y": "a,b"}
    assert MIXED.rows({"y": "c", "age": 2.5}, 2).tolist() == [[0, 1, 2.5], [0, 1, 2.5]]
    assert MIXED.rows({"y": ["c", "a,b"], "age": torch.tensor([1, 2])}, 2).tolist() == [[0, 1, 1], [1, 0, 2]]
    assert MIXED.words(torch.tensor([0.0, 1.0, 0.5])) == "y=c, age=0.5"
    assert Condition(["y=0", "y=1"]).rows({"y": torch.tensor([1, 0])}, 2).tolist() == [[0, 1], [1, 0]]
    assert Condition(["y=0", "y=1"]).each_class(2).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert (MIXED.classes, list(Condition(["y=0", "y=1"]).classes)) == ((), ["0", "1"])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"y": "d", "age": 1}, "y=d is not a class"),
        ({"y": "c"}, "no value is given for age: give, for example, y=a,b,age=0.5"),
        ({"y": "c", "agee": 1}, "does not condition on agee. Did you mean 'age'"),
        ({"y": "c", "age": "old"}, "age must be a number, got 'old'"),
        ({"y": "c", "age": "nan"}, "age must be finite"),
        ({"y": ["c"] * 3, "age": 1}, "one value for each of the 2 points, got 3"),
    ],
)
def test_a_wrong_condition_is_one_sentence(given, sentence):
    with pytest.raises(UserError, match=sentence):
        MIXED.rows(given, 2)


def test_a_variable_with_two_values_is_refused():
    with pytest.raises(UserError, match=r"one value to each variable, got 'y=c,age=40,age=41': use, for example, y="):
        MIXED.parse("y=c,age=40,age=41")


def test_new_points_without_a_label_are_not_told_to_set_a_key_that_the_run_fixes():
    new = Digits().load().as_new()
    for labels, remedy in ((None, "give them"), (torch.full((1797,), -1), "remove these points")):
        with pytest.raises(UserError, match=f"have none: {remedy}\\.$|has none: {remedy}\\.$"):
            labelled_new(new, labels=labels, classes=[], known=["a", "b"])


def test_a_model_without_condition_says_so():
    with pytest.raises(UserError, match=r"has no condition, so none can be given: train it with data\.condition=y"):
        Condition([]).rows({"y": 1}, 2)
    with pytest.raises(UserError, match=r"written NAME=VALUE, got '3': use, for example, y=0"):
        Condition(["y=0", "y=1"]).parse("3")


def test_a_tensor_holds_the_numbers_of_classes_and_texts_their_names():
    known = Condition([f"y={name}" for name in ("1", "2", "3")])
    assert known.rows({"y": torch.tensor([1, 0])}, 2).tolist() == known.rows({"y": ["2", "1"]}, 2).tolist()
    assert known.rows({"y": 2}, 1).tolist() == [[0, 1, 0]]  # the class with this name
    assert known.rows({"y": torch.tensor(1)}, 2).tolist() == [[0, 1, 0]] * 2
    for wrong in (torch.tensor([3]), torch.tensor([-1]), torch.tensor([1.0])):
        with pytest.raises(UserError, match="whole numbers from 0 to 2"):
            known.rows({"y": wrong}, 1)
