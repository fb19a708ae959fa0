import math

import pytest
import torch

from vaerun.data import split as split_module
from vaerun.data.assemble import assemble
from vaerun.data.base import Dataset
from vaerun.data.binarize import binarization
from vaerun.data.split import Redrawn, Scaled
from vaerun.errors import UserError

GREY = tuple(
    torch.randint(0, 256, (n, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(n)) for n in (300, 40, 50)
)


def build(name: str, *, seed: int = 0, splits=GREY, scale: float = 1 / 255) -> Dataset:
    own = tuple(x.clone() for x in splits)
    return assemble("grey", own, shape=(6,), scale=scale, choice=binarization(name, seed=seed))


def test_static_is_drawn_once_and_stays_bytes():
    dataset = build("static")
    assert dataset.train.x.dtype == torch.uint8
    assert torch.equal(dataset.train.points(), dataset.train.points())
    assert set(dataset.train.x.unique().tolist()) == {0, 1}
    assert (dataset.support, dataset.binarize) == ("binary", "static")


@pytest.mark.parametrize("name", ["static", "threshold", "dynamic", "none"])
def test_of_bytes_there_is_never_a_second_copy(name):
    raw = tuple(x.clone() for x in GREY)
    dataset = assemble("grey", raw, shape=(6,), scale=1 / 255, choice=binarization(name, seed=0))
    for split, x in zip((dataset.train, dataset.valid, dataset.test), raw, strict=True):
        assert split.x.data_ptr() == x.data_ptr()


def test_static_draws_with_probability_p():
    n = 20_000
    levels = torch.tensor([0, 51, 204, 255], dtype=torch.uint8).expand(n, 4)
    mean = build("static", splits=(levels, *GREY[1:])).train.x.double().mean(0)
    assert mean[0] == 0
    assert mean[3] == 1
    assert (mean[1:3] - torch.tensor([0.2, 0.8])).abs().max() < 4 * math.sqrt(0.16 / n)


def test_the_draw_belongs_to_its_own_seed_and_not_to_the_run():
    torch.manual_seed(1)
    first = build("static", seed=5)
    torch.manual_seed(2)
    assert build("static", seed=5).sha256 == first.sha256
    assert build("static", seed=6).sha256 != first.sha256
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    build("static")
    assert torch.equal(torch.rand(2), expected)


def test_the_draw_does_not_depend_on_the_chunks(monkeypatch):
    whole = build("static").sha256
    monkeypatch.setattr(split_module, "CHUNK", 7)
    assert build("static").sha256 == whole


def test_splits_with_the_same_levels_get_draws_of_their_own():
    dataset = build("static", splits=(GREY[1], GREY[1], GREY[1]))
    draws = [split.x for split in (dataset.train, dataset.valid, dataset.test)]
    assert not any(torch.equal(a, b) for i, a in enumerate(draws) for b in draws[:i])


def test_dynamic_redraws_train_and_holds_the_rest_fixed():
    dataset = build("dynamic")
    assert dataset.train.rule == Redrawn(1 / 255)
    assert torch.equal(dataset.train.x, GREY[0])
    assert not torch.equal(dataset.train.points(), dataset.train.points())
    for split in (dataset.valid, dataset.test):
        assert torch.equal(split.points(), split.points())
    assert dataset.support == "binary"


def test_dynamic_and_static_are_evaluated_on_the_same_draws():
    static, dynamic = build("static", seed=4), build("dynamic", seed=4)
    assert torch.equal(static.valid.x, dynamic.valid.x)
    assert torch.equal(static.test.x, dynamic.test.x)


def test_threshold_is_above_one_half():
    rows = torch.tensor([[0.0, 0.5], [0.500001, 1.0]])
    assert build("threshold", splits=(rows, rows, rows), scale=1.0).train.x.tolist() == [[0, 0], [1, 1]]


def test_none_scales_and_knows_its_support():
    dataset = build("none")
    assert dataset.train.rule == Scaled(1 / 255)
    assert dataset.support == "unit"
    assert build("none", scale=1.0).support == "count"
    assert build("none", scale=0.5).support == "real"
    assert build("none", splits=tuple(x.float() - 3 for x in GREY)).support == "real"
    black_and_white = tuple((x > 99).byte() * 255 for x in GREY)
    assert build("none", splits=black_and_white).support == "binary"


@pytest.mark.parametrize("name", ["static", "threshold", "none"])
def test_binary_data_stays_as_it_is(name):
    bits = tuple((x > 99).byte() for x in GREY)
    dataset = build(name, splits=bits, scale=1.0)
    assert dataset.support == "binary"
    for split, raw in zip((dataset.train, dataset.valid, dataset.test), bits, strict=True):
        assert torch.equal(split.points(), raw.float())


def test_dynamic_has_nothing_to_do_on_binary_data():
    with pytest.raises(UserError, match=r"already in \{0, 1\}: use data\.binarize=none"):
        build("dynamic", splits=tuple((x > 99).byte() for x in GREY), scale=1.0)


@pytest.mark.parametrize("name", ["static", "dynamic", "threshold"])
def test_values_outside_the_unit_interval_are_refused_with_the_scale_that_fits(name):
    images = tuple(x.float() for x in GREY)
    with pytest.raises(
        UserError, match=rf"={name} .* to 255 at data\.scale=1: use data\.scale=0\.00392156862745098, or"
    ):
        build(name, splits=images, scale=1.0)
    with pytest.raises(UserError, match=r"data\.scale=0\.0625, or use data\.binarize=none"):
        build(name, splits=tuple((x / 255 * 16).round() for x in images), scale=1.0)


def test_negative_values_need_mapping_and_no_scale():
    with pytest.raises(UserError, match=r"got -1 to 1 .*: map the data to \[0, 1\] first, or use data\.binarize=none"):
        build("static", splits=tuple(x.float() / 127.5 - 1 for x in GREY), scale=1.0)


def test_an_unknown_choice_is_refused_with_the_near_one():
    with pytest.raises(
        UserError, match=r"data\.binarize must be .* static, .*, got dinamic\. Did you mean 'dynamic'\?"
    ):
        binarization("dinamic", seed=0)
    with pytest.raises(UserError, match=r"data\.binarize must be one of .*, got None"):
        binarization(None, seed=0)
    with pytest.raises(UserError, match=r"data\.binarize_seed must be a whole number of at least 0, got -1"):
        binarization("static", seed=-1)


def test_points_that_all_come_out_the_same_are_refused():
    dark = tuple(x // 4 for x in GREY)
    with pytest.raises(UserError, match=r"under data\.binarize=threshold all 300 of grey are the same"):
        build("threshold", splits=dark)
