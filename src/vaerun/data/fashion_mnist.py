"""Fashion-MNIST, 28x28 images of clothes."""

from typing import final

from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.published import Published

MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)


@final
class FashionMnist(Source):
    """Images of clothes, 28x28: 50,000 train, 10,000 valid (the last of the train file), 10,000 test.

    Args:
        root: folder with FashionMNIST/raw/*.gz or the files, compressed or not; null for $VAERUN_DATA or a cache.
        binarize: static, dynamic, threshold or none.
        binarize_seed: of static binarisation, and of valid and test under dynamic.

    Raises:
        UserError: there is no such binarisation; in ``load``, a file is missing, damaged or not the published one.

    Reference: Xiao, Rasul & Vollgraf 2017, Fashion-MNIST: a Novel Image Dataset for Benchmarking (MIT).
    """

    def __init__(self, *, root: str | None = None, binarize: str = "static", binarize_seed: int = 0) -> None:
        self.root = root
        self.choice = binarization(binarize, seed=binarize_seed)

    def load(self) -> Dataset:
        return Published(
            name="fashion_mnist",
            subfolder="FashionMNIST/raw",
            mirrors=MIRRORS,
            train_sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            test_sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ).load(self.root, self.choice)
