import os

import pytest

from vaerun.data.image_folder import find_images
from vaerun.errors import UserError


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_names_splits_and_classes(tmp_path):
    put(tmp_path, "train/b/2.JPG", "train/a/x/1.png", "test/3.jpeg", "test/a.gif", "labels.csv")
    put(tmp_path, "test/.hidden/4.png", "train/Thumbs.db", ".DS_Store")
    found = find_images(tmp_path)
    assert found.names == ("test/3.jpeg", "train/a/x/1.png", "train/b/2.JPG")
    assert found.splits == ("test", "train", "train")
    assert found.classes == ("", "a", "b")
    assert found.others == ("test/a.gif",)


def test_links_to_folders_are_followed_but_not_in_a_circle(tmp_path):
    put(tmp_path, "real/1.png", "images/2.png")
    (tmp_path / "images" / "a").symlink_to(tmp_path / "real")
    assert find_images(tmp_path / "images").names == ("2.png", "a/1.png")
    (tmp_path / "real" / "b").symlink_to(tmp_path / "images")
    with pytest.raises(UserError, match="leads back to a folder above it"):
        find_images(tmp_path / "images")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), r"must hold PNG or JPEG images .*, and holds no files"),
        (("a.npy", "b.npy"), r"and holds 2 other files, such as a\.npy"),
        (("train/1.png", "2.png"), r"2\.png lies beside the folders train of .*move it"),
        (("train/1.png", "val/1.png", "valid/1.png"), "val and valid, which name one split"),
        (("\x1b[2J.png",), r"without control characters.*got '\\x1b\[2J\.png'"),
        (("/".join("d" * 20) + "/1.png",), "more than 16 folders deep"),
    ],
)
def test_folders_that_cannot_be_read_rightly(tmp_path, names, reason):
    put(tmp_path, *names)
    with pytest.raises(UserError, match=reason):
        find_images(tmp_path)


def test_what_is_no_folder(tmp_path):
    put(tmp_path, "a.png")
    for path, reason in ((tmp_path / "a.png", "is not a folder"), (tmp_path / "b", "does not exist")):
        with pytest.raises(UserError, match=rf"data\.path=.* {reason}: name the folder"):
            find_images(path)


def test_a_name_that_is_not_utf_8(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(b"")
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    with pytest.raises(UserError, match="must be in UTF-8"):
        find_images(tmp_path)
