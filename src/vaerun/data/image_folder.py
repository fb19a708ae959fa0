"""FOLDER ↦ the images in it, in the order of their names: their splits and classes by the folders they are in."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vaerun.data.image_file import SUFFIXES
from vaerun.errors import UserError, counted

SPLIT_OF = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
DEEPEST = 16
OTHERS = ("thumbs.db", "desktop.ini")  # what Windows leaves in folders of images
TABLES = (".csv", ".txt", ".md", ".json")


class ImageFolder(NamedTuple):
    """The images of a folder in the order of their names.

    ``names`` are paths below the folder with / between their parts, ``splits`` and ``classes`` the split and the class
    of each image by its folders (empty where there is none), and ``others`` the names of files that are no images.
    """

    path: Path
    names: tuple[str, ...]
    splits: tuple[str, ...]
    classes: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def files(self) -> list[Path]:
        """The paths of the images."""
        return [self.path / name for name in self.names]


def find_images(path: Path) -> ImageFolder:
    """All PNG and JPEG files in a folder and in the folders in it, by the ends of their names.

    Folders train, valid (or val, validation) and test hold the splits, if there are no others beside them. Otherwise,
    and inside these, the first folder of an image is its class. Names that begin with a dot are left out.

    Raises:
        UserError: the folder cannot be read, or holds no images, or folders of splits that do not fit together.
    """
    try:
        if not path.is_dir():
            why = "is not a folder" if path.exists() else "does not exist"
            raise UserError(f"data.path={path} {why}: name the folder that holds the images.")
        found = sorted(_walk(path, "", ()))
    except OSError as error:
        raise UserError(f"{error.filename or path} cannot be read ({error.strerror}): name another folder.") from error
    names = [name for name in found if name.lower().endswith(SUFFIXES)]
    others = [name for name in found if not name.lower().endswith(SUFFIXES)]
    if not names:
        held = f"{counted(len(found), 'other file')}, such as {found[0]}" if found else "no files"
        raise UserError(f"{path} must hold PNG or JPEG images ({', '.join(SUFFIXES)}), and holds {held}.")
    _refuse_odd_names(names, path)
    tops = {name.partition("/")[0] for name in names if "/" in name}
    in_splits = "train" in tops and tops <= SPLIT_OF.keys()
    if in_splits:
        _refuse_unclear_splits(tops, names, path)
    parts = [name.split("/")[:-1] for name in names]
    return ImageFolder(
        path,
        tuple(names),
        tuple(SPLIT_OF[part[0]] if in_splits else "" for part in parts),
        tuple(next(iter(part[in_splits:]), "") for part in parts),
        tuple(name for name in others if not name.lower().endswith(TABLES)),
    )


def _walk(folder: Path, start: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """The names of all files below; links are followed, but not in a circle."""
    about = folder.stat()
    here = (about.st_dev, about.st_ino)
    if here in above or len(above) > DEEPEST:
        why = "leads back to a folder above it" if here in above else f"is more than {DEEPEST} folders deep"
        raise UserError(f"{folder} {why}: remove it, or name another folder with data.path.")
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in OTHERS:
                continue
            if entry.is_dir():
                yield from _walk(folder / entry.name, f"{start}{entry.name}/", (*above, here))
            else:
                yield start + entry.name


def _refuse_odd_names(names: list[str], path: Path) -> None:
    odd = next((n for n in names if any(unicodedata.category(c) in ("Cc", "Cs") for c in n)), None)
    if odd is not None:
        raise UserError(
            f"the names of images must be in UTF-8 without control characters, because they are recorded, got {odd!r} "
            f"in {path}: rename the file."
        )


def _refuse_unclear_splits(tops: set[str], names: list[str], path: Path) -> None:
    twice = [top for top in sorted(tops) if SPLIT_OF[top] == "valid"]
    if len(twice) > 1:
        raise UserError(f"{path} holds the folders {' and '.join(twice)}, which name one split: keep one of them.")
    beside = next((name for name in names if "/" not in name), None)
    if beside is not None:
        raise UserError(
            f"{beside} lies beside the folders {', '.join(sorted(tops))} of {path}, so its split is not known: move it "
            "into one of them."
        )
