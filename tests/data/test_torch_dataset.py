import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset as MapStyle
from torch.utils.data import TensorDataset

from tests import forked
from vaerun.config.trust import trusting
from vaerun.data.split import Scaled
from vaerun.data.torch_dataset import TorchDataset
from vaerun.errors import UserError
from vaerun.experiment.option import composed

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 3, 4, 5), dtype=np.uint8)


def of(*tensors) -> TensorDataset:
    return TensorDataset(*map(torch.as_tensor, tensors))


def test_points_and_labels_stay_together_in_a_random_split():
    x = torch.arange(40.0)[:, None]
    data = TorchDataset(dataset=of(x, torch.arange(40) % 3 + 5)).load()
    assert (data.name, data.shape, data.values, data.labels) == ("TensorDataset", (1,), "as they are", ("5", "6", "7"))
    assert [len(split) for split in (data.train, data.valid, data.test)] == [32, 4, 4]
    for split in (data.train, data.valid, data.test):
        assert split.x.flatten().tolist() == split.source_rows.tolist()
        assert split.labels.tolist() == (split.source_rows % 3).tolist()


def test_images_of_bytes_are_scaled_and_their_channels_moved_with_a_word():
    data = TorchDataset(dataset=of(IMAGES)).load()
    assert (data.shape, data.train.rule) == ((4, 5, 3), Scaled(1 / 255))
    assert data.values == "images 4x5 with 3 channels (channels first, moved to the last axis); divided by 255"
    row = data.train.source_rows[0]
    assert data.train.x[0].tolist() == IMAGES[row].transpose(1, 2, 0).flatten().tolist()
    with pytest.raises(UserError, match=r"data\.scale must be given for whole numbers .* as in TensorDataset"):
        TorchDataset(dataset=of(IMAGES.astype(np.int32))).load()


def test_data_sets_of_splits_are_kept_and_valid_is_taken_from_the_first():
    x = torch.arange(30.0)[:, None]
    source = TorchDataset(dataset=of(x[:20], torch.ones(20, dtype=int)), test_dataset=of(x[20:]))
    data = source.load()
    assert data.test.x.flatten().tolist() == list(range(20, 30))
    assert sorted(torch.cat((data.train.x, data.valid.x)).flatten().tolist()) == list(range(20))
    assert data.test.source_rows.tolist() == list(range(20, 30))
    assert set(data.test.labels.tolist()) == {-1}
    assert source.unused() == ("data.test_fraction",)
    with pytest.raises(UserError, match=r"points of one shape, got \(1,\) in 'train' and \(2,\) in 'test'"):
        TorchDataset(dataset=of(x), test_dataset=of(torch.ones(3, 2))).load()


def test_the_classes_of_a_data_set_name_its_labels():
    data = of(torch.arange(20.0)[:, None], torch.arange(20) % 2)
    data.classes = ["cat", "dog", "fox"]
    loaded = TorchDataset(dataset=data).load()
    assert loaded.labels == ("cat", "dog", "fox")
    assert loaded.train.labels.tolist() == (loaded.train.source_rows % 2).tolist()


def test_items_that_are_drawn_at_random_are_warned_of():
    class Drawn(MapStyle):
        def __len__(self):
            return 20

        def __getitem__(self, n):
            return torch.rand(3), 0.5

    warnings = TorchDataset(dataset=Drawn()).load().warnings
    assert "gives other values each time" in warnings[0]
    assert "are not used as labels" in warnings[1]


MODULE = """
import torch
from torch.utils.data import Dataset


class Noise(Dataset):
    def __init__(self, count: int = 60, folder: str = ""):
        if folder:
            raise FileNotFoundError(folder)
        self.x = torch.randn(count, 4, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, n):
        return self.x[n], n % 2


class NoDataSet:
    def __init__(self):
        open("PWNED", "w").close()


def function():
    open("PWNED", "w").close()
"""


MINE = ("data.dataset._target_=torch_lab.Noise",)


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Path:
    """A folder with a module, which a process would find there."""
    (tmp_path / "torch_lab.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((), r"data\.dataset\._target_ has no value"),
        (("data.dataset._target_=torch_lab.NoDataSet",), r"derived from torch\.utils\.data\.dataset\.Dataset"),
        (("data.dataset._target_=torch_lab.function",), r"derived from torch\.utils\.data\.dataset\.Dataset"),
        (("data.dataset._target_=os.system",), r"derived from torch\.utils\.data\.dataset\.Dataset"),
        (("data.dataset._target_=torch.utils.data.TensorDataset",), r"add trust="),
        (("data.dataset=3",), r"data\.dataset must be set key by key, got 3: the keys are data\.dataset\._target_"),
        ((*MINE, "data.dataset.count=9"), r"write \+data\.dataset\.count=VALUE"),
        ((*MINE, "data.test_dataset._target_=torch_lab.Noise"), r"write \+data\.test_dataset\._target_=CLASS"),
        ((*MINE, "data.test_dataset={_target_: os.system}"), r"data\.test_dataset\._target_=os\.system is refused"),
        ((*MINE, "data.test_dataset={_target_: torch_lab.Noise, odd: 1}"), r"data\.test_dataset\.odd is not a key"),
        ((*MINE, "+data.dataset.cuont=9"), r"Did you mean 'count'\?"),
        ((*MINE, "+data.dataset.count=many"), r"data\.dataset\.count must be a whole number"),
        ((*MINE, "+data.dataset._partial_=true"), r"data\.dataset\._partial_ must be false"),
    ],
)
def test_the_class_is_held_to_be_a_data_set_of_a_trusted_package_before_it_is_imported(lab, given, reason):
    with trusting(["torch_lab"]), pytest.raises(UserError, match=reason):
        composed(["data=torch_dataset", *given])
    assert not (lab / "PWNED").exists()
    assert "torch_lab" not in sys.modules


def test_no_class_is_built_that_is_not_trusted(lab):
    with pytest.raises(UserError, match=r"add trust=torch_lab if you know who wrote it"):
        composed(["data=torch_dataset", *MINE])


@pytest.mark.slow
def test_a_class_of_ones_own_from_the_shell(lab):
    def vaerun(*words: str) -> subprocess.CompletedProcess[str]:
        return forked.vaerun(*words, cwd=lab)

    words = ("train", "data=torch_dataset", "model/likelihood=gaussian", "trainer.epochs=1", *MINE, "trust=torch_lab")
    failed = vaerun(*words, "+data.dataset.folder=absent", "hydra.run.dir=other")
    assert (failed.returncode, failed.stdout) == (2, "")
    said = "torch_lab.Noise cannot be made (FileNotFoundError: absent, in torch_lab.py, line 9): change its keys"
    assert said in failed.stderr
    test = "data.test_dataset={_target_: torch_lab.Noise, count: 7}"
    trained = vaerun(*words, "+data.dataset.count=60", test, "hydra.run.dir=run")
    assert trained.returncode == 0, trained.stderr
    data = json.loads((lab / "run" / "summary.json").read_text())["data"]
    assert data["split_sizes"] == {"train": 54, "valid": 6, "test": 7}
    assert (data["name"], data["values"], data["labels"]) == ("Noise", "as they are", ["0", "1"])
    assert vaerun("eval", "run", "trust=torch_lab").returncode == 0


def test_classes_of_several_data_sets_are_matched_by_their_names():
    train, test = (of(torch.arange(30.0)[:, None] + shift, torch.arange(30) % 3) for shift in (0, 100))
    train.classes, test.classes = ["cat", "dog", "fox"], ["fox", "cat", "dog"]
    loaded = TorchDataset(dataset=train, test_dataset=test).load()
    assert [loaded.labels[n] for n in loaded.test.labels] == [test.classes[n % 3] for n in range(30)]
    assert [loaded.labels[n] for n in loaded.train.labels] == [
        train.classes[int(x) % 3] for x in loaded.train.points()[:, 0]
    ]
    test.classes = ["fox", "cat", "dob"]
    with pytest.raises(UserError, match=r"of the training data, cat, dog, fox, got dob: .* Did you mean 'dog'\?$"):
        TorchDataset(dataset=train, test_dataset=test).load()


def test_labels_without_names_of_their_own_have_those_of_the_training_data():
    train, test = of(torch.arange(30.0)[:, None], torch.arange(30) % 3), of(torch.ones(2, 1), torch.tensor([2, -1]))
    train.classes = ["cat", "dog", "fox"]
    assert TorchDataset(dataset=train, test_dataset=test).load().test.labels.tolist() == [2, -1]
    with pytest.raises(UserError, match="got 3: leave its points out"):
        TorchDataset(dataset=train, test_dataset=of(torch.ones(1, 1), torch.tensor([3]))).load()


def test_classes_with_equal_names_stay_apart_and_cannot_be_matched_by_name():
    train = of(torch.arange(30.0)[:, None], torch.arange(30) % 3)
    train.classes = ["crane", "dog", "crane"]
    loaded = TorchDataset(dataset=train).load()
    assert loaded.train.labels.tolist() == (loaded.train.source_rows % 3).tolist()
    test = of(torch.ones(2, 1), torch.tensor([0, 1]))
    test.classes = ["dog", "crane"]
    with pytest.raises(UserError, match="names, which must differ, got crane twice"):
        TorchDataset(dataset=train, test_dataset=test).load()
