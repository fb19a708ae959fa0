"""Fashion-MNIST, 28x28 images of clothes."""

from typing import Literal, final

from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.hide import Hide
from vaerun.data.published import Published

MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)


CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@final
class FashionMnist(Source):
    """Images of clothes, 28x28: 50,000 train, 10,000 valid (the last of the train file), 10,000 test.

    Args:
        root: folder with FashionMNIST/raw/*.gz or the files, compressed or not; null for $VAERUN_DATA or a cache.
        binarize: static, dynamic, threshold or none.
        binarize_seed: of static binarisation, and of valid and test under dynamic.
        condition: y: the model conditions on the label, as a one-hot vector of 10 numbers; null: labels only colour
            plots and name points.
        hide: fraction of the values that are hidden, missing completely at random (``data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: there is no such binarisation, or a value is out of range; in ``load``, a file is missing, damaged or
            not the published one.

    Reference: Xiao, Rasul & Vollgraf 2017, Fashion-MNIST: a Novel Image Dataset for Benchmarking (MIT).
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
            name="fashion_mnist",
            subfolder="FashionMNIST/raw",
            mirrors=MIRRORS,
            train_sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            test_sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            train_labels_sha256="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            test_labels_sha256="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            classes=CLASSES,
        )
        return self.hide(published.load(self.root, self.choice, self.condition))
