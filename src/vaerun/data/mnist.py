"""MNIST, 28x28 images of handwritten digits."""

from typing import Literal, final

from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.hide import Hide
from vaerun.data.published import Published

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")


@final
class Mnist(Source):
    """Handwritten digits, 28x28: 50,000 train, 10,000 valid (the last of the train file), 10,000 test.

    Args:
        root: folder with MNIST/raw/*.gz or the files themselves, compressed or not; null for $VAERUN_DATA or a cache.
        binarize: static, dynamic, threshold or none.
        binarize_seed: of static binarisation, and of valid and test under dynamic.
        condition: y: the model conditions on the label, as a one-hot vector of 10 numbers; null: labels only colour
            plots and name points.
        hide: fraction of the values that are hidden, missing completely at random (``data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: there is no such binarisation, or a value is out of range; in ``load``, a file is missing, damaged or
            not the published one.

    Reference: LeCun, Bottou, Bengio & Haffner 1998, Gradient-Based Learning Applied to Document Recognition.
    """

    def __init__(
        self,
        *,
        root: str | None = None,
        binarize: str = "static",
        binarize_seed: int = 0,
        condition: Literal["y"] | None = None,
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        self.root, self.condition = root, condition
        self.choice = binarization(binarize, seed=binarize_seed)
        self.hide = Hide(fraction=hide, seed=hide_seed)

    def load(self) -> Dataset:
        published = Published(
            name="mnist",
            subfolder="MNIST/raw",
            mirrors=MIRRORS,
            train_sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            test_sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            train_labels_sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            test_labels_sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            classes=tuple(map(str, range(10))),
        )
        return self.hide(published.load(self.root, self.choice, self.condition))
