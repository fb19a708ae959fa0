"""Which x are discrete, and what is said about them under a density."""

import numpy
import pytest
import torch

from tests.runs import train
from vaerun.data.base import Dataset
from vaerun.experiment.discrete_data import distinct, grid

WITHOUT = "the ELBO has no upper bound"


@pytest.mark.parametrize(
    ("x", "count"),
    [
        (torch.randint(0, 17, (100, 8)) / 16, 17),
        (torch.randint(0, 2, (100, 8)).float(), 2),
        (torch.poisson(torch.full((300, 6), 200.0)), None),
        (torch.randn(12, 2), 0),
        (torch.rand(400, 300), 0),
    ],
    ids=["grey", "binary", "counts", "few real", "many real"],
)
def test_discrete_values_are_told_from_real_ones(x, count):
    found = distinct(Dataset.of(x))
    assert (found is None) == (count == 0)
    if count:
        assert len(found) == count


def test_the_grid_of_the_values():
    assert grid(torch.arange(17) / 16) == 17
    assert grid(torch.tensor([0, 3, 4, 16]) / 16) == 17
    assert grid(torch.tensor([0, 3, 200, 255]) / 255) in (86, 256)
    assert grid(torch.tensor([0.0, 0.1, 0.25, 3.0])) is None


GREY = ("data.binarize=none", "trainer.epochs=1", "evaluation.points=5")


def test_a_density_of_discrete_x_is_warned_about_and_the_remedy_is_not(tmp_path, caplog):
    (said,) = train(tmp_path / "density", *GREY, "model/likelihood=continuous_bernoulli")["warnings"]
    assert WITHOUT in said
    assert said in caplog.text
    remedy = said.partition(": use ")[2].partition(",")[0].split()
    assert remedy == ["model/likelihood=discretized_logistic", "model.likelihood.levels=17"]
    assert train(tmp_path / "mass", *GREY, *remedy)["warnings"] == []
    (said,) = train(tmp_path / "binary", *GREY[1:], "model/likelihood=gaussian")["warnings"]
    remedy = said.partition(": use ")[2].rstrip(".")
    assert train(tmp_path / "bits", *GREY[1:], remedy)["warnings"] == []


def test_vectors_on_a_grid_get_the_noise_of_a_key(tmp_path):
    numpy.save(tmp_path / "x.npy", numpy.random.default_rng(0).integers(0, 256, (160, 8)) / 255)
    words = ("data=arrays", f"data.path={tmp_path / 'x.npy'}", "model/likelihood=gaussian", "trainer.epochs=1")
    (said,) = train(tmp_path / "density", *words, "trainer.batch_size=10")["warnings"]
    assert "or data.dequantise=true" in said
    assert train(tmp_path / "noise", *words, "trainer.batch_size=10", "data.dequantise=true")["warnings"] == []


def test_real_x_are_not_warned_about(tmp_path):
    words = ("data=linear_gaussian", "model/likelihood=gaussian", "data.num_train=400")
    assert train(tmp_path / "real", *words)["warnings"] == []
