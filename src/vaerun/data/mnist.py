"""MNIST, 28x28 images of handwritten digits."""

from typing import final

from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.published import Published

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")


@final
class Mnist(Source):
    """Handwritten digits, 28x28: 50,000 train, 10,000 valid (the last of the train file), 10,000 test.

    Args:
        root: folder with MNIST/raw/*.gz or the files themselves, compressed or not; null for $VAERUN_DATA or a cache.
        binarize: static, dynamic, threshold or none.
        binarize_seed: of static binarisation, and of valid and test under dynamic.

    Raises:
        UserError: there is no such binarisation; in ``load``, a file is missing, damaged or not the published one.

    Reference: LeCun, Bottou, Bengio & Haffner 1998, Gradient-Based Learning Applied to Document Recognition.
    """

    def __init__(self, *, root: str | None = None, binarize: str = "static", binarize_seed: int = 0) -> None:
        self.root = root
        self.choice = binarization(binarize, seed=binarize_seed)

    def load(self) -> Dataset:
        return Published(
            name="mnist",
            subfolder="MNIST/raw",
            mirrors=MIRRORS,
            train_sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            test_sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ).load(self.root, self.choice)
