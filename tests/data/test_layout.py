import numpy as np
import pytest

from vaerun.data.layout import channels_last
from vaerun.errors import UserError


@pytest.mark.parametrize(
    ("shape", "layout", "found"),
    [
        ((3, 8, 9), None, (8, 9, 3)),
        ((8, 9, 3), None, (8, 9, 3)),
        ((1, 8, 9), None, (8, 9, 1)),
        ((5, 8, 9), "channels_first", (8, 9, 5)),
        ((5, 8, 9), "channels_last", (5, 8, 9)),
        ((3, 8, 3), "channels_first", (8, 3, 3)),
    ],
)
def test_a_pixel_keeps_its_place_and_its_channel(shape, layout, found):
    array = np.arange(2 * np.prod(shape)).reshape(2, *shape)
    arrays, said = channels_last({"x": array}, layout, "a.npy")
    assert arrays["x"].shape[1:] == found
    moved = found != shape
    assert arrays["x"][1, 4, 2, 0] == (array[1, 0, 4, 2] if moved else array[1, 4, 2, 0])
    assert ("moved" in said[0]) == moved


def test_vectors_and_grey_images_have_no_layout():
    for shape in ((4, 3), (4, 3, 3)):
        array = np.zeros(shape)
        assert channels_last({"x": array}, None, "a.npy") == ({"x": array}, [])
        with pytest.raises(UserError, match=r"leave data\.layout out"):
            channels_last({"x": array}, "channels_first", "a.npy")
