import numpy as np
import pytest
import torch
from PIL import Image

from vaerun.data.images import Images
from vaerun.data.split import Scaled
from vaerun.errors import UserError

RNG = np.random.default_rng(0)


def put(path, shape=(6, 4), **how):
    """A PNG of random pixels; returns them."""
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **how)
    return pixels


def rows_of(data) -> dict[str, torch.Tensor]:
    """Name of an image ↦ its stored row."""
    splits = (data.train, data.valid, data.test)
    return {data.names[i]: row for split in splits for i, row in zip(split.source_rows, split.x, strict=True)}


def test_every_image_is_a_point_in_the_order_of_names_and_its_folder_is_its_class(tmp_path):
    names = [f"{kind}/{n}.png" for kind in ("dog", "cat") for n in range(10)]
    pixels = {name: put(tmp_path / name) for name in names}
    data = Images(path=str(tmp_path)).load()
    assert (data.shape, data.support, data.train.rule, data.values) == (
        (6, 4),
        "unit",
        Scaled(1 / 255),
        "divided by 255",
    )
    assert (data.names, data.labels) == (tuple(sorted(names)), ("cat", "dog"))
    assert [len(split) for split in (data.train, data.valid, data.test)] == [16, 2, 2]
    assert {name: row.tolist() for name, row in rows_of(data).items()} == {
        name: image.flatten().tolist() for name, image in pixels.items()
    }
    for split in (data.train, data.valid, data.test):
        assert split.labels.tolist() == [int(data.names[row].startswith("dog")) for row in split.source_rows]


def test_folders_of_splits_are_kept_and_valid_is_taken_from_train_where_it_is_absent(tmp_path):
    for split, count in (("train", 12), ("val", 3), ("test", 2)):
        for n in range(count):
            put(tmp_path / split / "ab"[n % 2] / f"{n}.png", (2, 3, 3))
    source = Images(path=str(tmp_path))
    data = source.load()
    assert (data.shape, data.labels) == ((2, 3, 3), ("a", "b"))
    for name, split in (("train", data.train), ("val", data.valid), ("test", data.test)):
        assert all(data.names[row].startswith(name) for row in split.source_rows)
    assert [len(split) for split in (data.train, data.valid, data.test)] == [12, 3, 2]
    assert "data.split_seed" in source.unused()
    (tmp_path / "val").rename(tmp_path / "dev")  # now these are three classes
    assert Images(path=str(tmp_path)).load().labels == ("dev", "test", "train")
    for path in (tmp_path / "dev").rglob("*.png"):
        path.unlink()
    data = Images(path=str(tmp_path)).load()
    assert [len(split) for split in (data.train, data.valid, data.test)] == [11, 1, 2]


def test_images_of_other_sizes_and_colours_are_asked_for_and_every_remedy_works(tmp_path):
    for n in range(12):
        put(tmp_path / f"{n}.png", ((8, 4), (4, 4), (8, 8, 3))[min(n, 2)])
    with pytest.raises(UserError, match=r"have 3 sizes, such as 8x8 \(9\.png\) and") as refused:
        Images(path=str(tmp_path)).load()
    assert "use data.size=[8,8]" in str(refused.value)
    with pytest.raises(UserError, match=r"2 grey images, such as 1\.png, and 10 in colour.*use data\.colour=rgb, or"):
        Images(path=str(tmp_path), size=[8, 8]).load()
    with pytest.raises(UserError, match=r"0\.png in .* has 8x4 pixels.*use data\.resize=crop, or data\.resize=stretch"):
        Images(path=str(tmp_path), size=[8, 8], colour="grey").load()
    for resize in ("crop", "stretch"):
        data = Images(path=str(tmp_path), size=[8, 8], colour="grey", resize=resize).load()
        assert data.shape == (8, 8)
        assert data.values == (
            "10 of 12 images made grey (data.colour=grey); 2 of 12 images resized to 8x8 by bicubic interpolation, "
            f"1 of another aspect ratio (data.resize={resize}); divided by 255"
        )


def test_crop_keeps_the_middle_and_stretch_keeps_all(tmp_path):
    image = np.zeros((4, 8), np.uint8)
    image[:, :2], image[:, 2:] = 200, 100
    for n in range(20):
        Image.fromarray(image if n % 2 else image // 2).save(tmp_path / f"{n}.png")
    rows = rows_of(Images(path=str(tmp_path), size=[4, 4], resize="crop").load())
    assert set(rows["1.png"].tolist()) == {100}
    rows = rows_of(Images(path=str(tmp_path), size=[4, 4], resize="stretch").load())
    assert rows["1.png"][0] > 180


def test_colours_become_grey_by_their_luma_and_grey_becomes_three_equal_channels(tmp_path):
    for n in range(10):
        colour = put(tmp_path / "c" / f"{n}.png", (3, 2, 3))
        grey = put(tmp_path / "g" / f"{n}.png", (3, 2))
    rows = rows_of(Images(path=str(tmp_path), colour="grey").load())
    np.testing.assert_allclose(rows["c/9.png"].numpy(), (colour @ (0.299, 0.587, 0.114)).flatten(), atol=1)
    assert rows["g/9.png"].tolist() == grey.flatten().tolist()
    rows = rows_of(Images(path=str(tmp_path), colour="rgb").load())
    assert rows["g/9.png"].tolist() == np.repeat(grey, 3).tolist()


def test_an_orientation_is_applied_and_said(tmp_path):
    for n in range(10):
        pixels = put(tmp_path / f"{n}.png", (4, 6))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: the viewer turns the image by 90 degrees
    for end in ("png", "jpg"):
        Image.fromarray(np.rot90(pixels)).save(tmp_path / f"9.{end}", exif=exif, quality=100)
        data = Images(path=str(tmp_path)).load()
        assert data.shape == (4, 6)
        assert f"1 of {len(data.names)} images turned by their EXIF orientation" in data.values
        found = rows_of(data)[f"9.{end}"].numpy().astype(int)
        assert np.abs(found - pixels.flatten()).mean() < 3
        (tmp_path / f"9.{end}").unlink()


def test_modes_of_eight_bits_keep_their_pixels(tmp_path):
    grey = put(tmp_path / "0.png", (3, 2))
    Image.fromarray(grey).convert("LA").save(tmp_path / "1.png")
    Image.fromarray(grey > 99).save(tmp_path / "2.png")  # 1 bit
    for n in range(3, 10):
        put(tmp_path / f"{n}.png", (3, 2))
    rows = rows_of(Images(path=str(tmp_path)).load())
    assert rows["0.png"].tolist() == rows["1.png"].tolist() == grey.flatten().tolist()
    assert rows["2.png"].tolist() == (255 * (grey > 99)).flatten().tolist()
    colour = np.array([[(1, 2, 3), (200, 5, 9)]] * 3, np.uint8)
    Image.fromarray(colour).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "0.png")
    Image.fromarray(colour).convert("RGBA").save(tmp_path / "1.png")
    rows = rows_of(Images(path=str(tmp_path), colour="rgb").load())
    assert rows["0.png"].tolist() == rows["1.png"].tolist() == colour.flatten().tolist()


def test_black_and_white_images_are_binary_and_can_be_trained_by_bernoulli(tmp_path):
    for n in range(10):
        Image.fromarray(RNG.integers(0, 2, (3, 2)).astype(bool)).save(tmp_path / f"{n}.png")
    assert Images(path=str(tmp_path)).load().support == "binary"
    put(tmp_path / "0.png", (3, 2))
    assert Images(path=str(tmp_path)).load().support == "unit"
    assert Images(path=str(tmp_path), binarize="static").load().support == "binary"


def test_a_table_gives_labels(tmp_path):
    for n in range(10):
        put(tmp_path / "images" / f"{n}.png")
    table = tmp_path / "labels.csv"
    table.write_text("\ufeffid,file,label\n" + "".join(f"{n},{n}.png,{'ab'[n % 2]}\n" for n in (*range(9), 77)))
    data = Images(path=str(tmp_path / "images"), label_path=str(table)).load()
    assert data.labels == ("a", "b")
    splits = (data.train, data.valid, data.test)
    rows, numbers = (torch.cat([getattr(s, part) for s in splits]).tolist() for part in ("source_rows", "labels"))
    labels = {data.names[row]: label for row, label in zip(rows, numbers, strict=True)}
    assert labels == {f"{n}.png": n % 2 if n < 9 else -1 for n in range(10)}
    assert [sentence.partition(" of ")[0] for sentence in data.warnings[:2]] == ["1 file", "1"]
    for text, reason in (
        ("name,label\n1.png,3\n", "first line must name the columns file and label once, and reads 'name,label'"),
        ("file,label\n1.png\n", "line 2 has 1 value, and the first has 2"),
        ("file,label\n1.png,a\n1.png,b\n", "line 3 gives '1.png' a second label"),
        ("file,label\nx1,a\n", r"must hold names of images below .*, such as 0\.png, got 'x1'"),
        ("", "first line must name"),
        ('file,label\n"1.png,a\n', "damaged or cut off"),
    ):
        table.write_text(text)
        with pytest.raises(UserError, match=reason):
            Images(path=str(tmp_path / "images"), label_path=str(table)).load()
    table.write_bytes(b"file,label\n1.png,\xff\n")
    with pytest.raises(UserError, match="not text in UTF-8"):
        Images(path=str(tmp_path / "images"), label_path=str(table)).load()


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"path": None}, r"data\.path must name a folder of images for data=images"),
        ({"size": [32]}, r"data\.size must be \[HEIGHT,WIDTH\], got \[32\]"),
        ({"size": [0, 32]}, r"data\.size must be at least 1, got 0"),
        ({"resize": "crop"}, r"data\.resize=crop needs a size"),
        ({"resize": "crp", "size": [2, 2]}, r"data\.resize must be crop or stretch, got crp\. Did you mean 'crop'"),
        ({"colour": "gray"}, r"data\.colour must be grey or rgb, got gray\. Did you mean 'grey'"),
        ({"test_fraction": 2}, r"must be below 1"),
    ],
)
def test_choices_that_cannot_work_stop_before_the_folder_is_read(choice, reason):
    with pytest.raises(UserError, match=reason):
        Images(**{"path": "absent"} | choice)


def test_a_single_new_image_is_read_and_nothing_is_hidden_in_it(tmp_path):
    for n in range(12):
        put(tmp_path / "old" / ("cat", "dog")[n % 2] / f"{n}.png")
    pixels = put(tmp_path / "new" / "dog" / "x.png")
    keys = {"hide": 0.5, "label_path": None}
    treatment = Images(path=str(tmp_path / "old"), **keys).load().treatment
    new = Images(path=str(tmp_path / "new"), **keys).load_new(treatment)
    assert new.split("new").x.flatten().tolist() == pixels.flatten().tolist()
    assert new.names == ("dog/x.png",)
    assert [new.labels[n] for n in new.split("new").labels] == ["dog"]


def test_the_class_of_a_new_image_is_given_by_its_name(tmp_path):
    for n in range(12):
        put(tmp_path / "old" / ("cat", "dog", "fox")[n % 3] / f"{n}.png")
    put(tmp_path / "new" / "dog" / "x.png")
    put(tmp_path / "odd" / "emu" / "x.png")
    old = Images(path=str(tmp_path / "old"), condition="y").load()
    new = Images(path=str(tmp_path / "new"), condition="y").load_new(old.treatment)
    assert new.given == old.given
    assert new.split("new").given.tolist() == [[0, 1, 0]]
    with pytest.raises(UserError, match="emu"):
        Images(path=str(tmp_path / "odd"), condition="y").load_new(old.treatment)


def test_new_images_need_no_label_in_the_table(tmp_path):
    for n in range(12):
        put(tmp_path / "old" / f"{n}.png")
    put(tmp_path / "new" / "x.png")
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"{n}.png,{n % 2}\n" for n in range(12)))
    source = {"label_path": str(tmp_path / "labels.csv")}
    old = Images(path=str(tmp_path / "old"), **source).load()
    new = Images(path=str(tmp_path / "new"), **source).load_new(old.treatment)
    assert new.split("new").labels is None
    with pytest.raises(UserError, match="must hold names of images"):
        Images(path=str(tmp_path / "new"), **source).load()
