"""Images ↦ the label of each: from a table, or from the folders they are in."""

from collections.abc import Iterator
from pathlib import Path

from vaerun.data.image_folder import ImageFolder
from vaerun.data.label_table import read_labels
from vaerun.errors import UserError, counted


def labels_of(folder: ImageFolder, table: Path | None, *, needed: bool = True) -> tuple[list[str], list[str]]:
    """The label of each image, empty where it has none, and warnings; no labels if no image has one.

    Args:
        folder: of the images.
        table: a CSV file of labels, or None for the folders as classes.
        needed: whether the table must name one of the images.

    Raises:
        UserError: the table cannot be read, or names none of the images.
    """
    if table is None:
        labels, warnings = list(folder.classes), []
    else:
        given = read_labels(table)
        labels = [given.get(name, "") for name in folder.names]
        missing = given.keys() - set(folder.names)
        if needed and given and len(missing) == len(given):
            raise UserError(
                f"the column file of {table} must hold names of images below {folder.path}, such as {folder.names[0]}, "
                f"got {next(iter(given))!r} and no name of an image: correct data.label_path or data.path."
            )
        absent = counted(len(missing), f"file of {table} is", f"files of {table} are")
        warnings = [f"{absent} not in {folder.path}."] if needed and missing else []
    if any(labels):
        warnings += _unlabelled(folder, labels, table)
    warnings += _not_read(folder)
    return labels if any(labels) else [], warnings


def _unlabelled(folder: ImageFolder, labels: list[str], table: Path | None) -> Iterator[str]:
    without = [name for name, label in zip(folder.names, labels, strict=True) if not label]
    if without:
        where = "in no folder of a class" if table is None else f"without a label in {table}"
        some = f"{len(without):,} of {counted(len(labels), 'image')} of {folder.path}"
        yield f"{some} {'is' if len(without) == 1 else 'are'} {where}, such as {without[0]}."


def _not_read(folder: ImageFolder) -> Iterator[str]:
    if folder.others:
        yield (
            f"{counted(len(folder.others), 'file')} in {folder.path} without the name of a PNG or JPEG image "
            f"{'is' if len(folder.others) == 1 else 'are'} not read, such as {folder.others[0]}."
        )
