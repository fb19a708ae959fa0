import pytest

from vaerun.data.layout import LAYOUTS, find_layout, in_words, refuse_unknown_layout, said
from vaerun.errors import UserError


@pytest.mark.parametrize(
    ("shape", "asked", "found"),
    [
        ((3, 8, 9), None, "channels_first"),
        ((8, 9, 3), None, "channels_last"),
        ((1, 8, 9), None, "channels_first"),
        ((5, 8, 9), "channels_first", "channels_first"),
        ((5, 8, 9), "channels_last", "channels_last"),
        ((3, 8, 3), "channels_first", "channels_first"),
        ((8, 9), None, None),
        ((4,), None, None),
        ((2, 2, 2, 2), None, None),
    ],
)
def test_one_axis_that_can_be_the_channels_is_found(shape, asked, found):
    assert find_layout(shape, asked, "a.npy") == found


@pytest.mark.parametrize("shape", [(3, 8, 3), (5, 8, 6), (1, 8, 1), (1, 8, 4)])
def test_two_or_none_are_asked_about_and_both_remedies_are_layouts(shape):
    with pytest.raises(UserError, match=r"^data\.layout must be given for images .* as in a\.npy: use ") as asked:
        find_layout(shape, None, "a.npy")
    for layout in LAYOUTS:
        assert f"data.layout={layout} for {in_words(shape, layout)}" in str(asked.value)
    with pytest.raises(UserError, match=r"^layout must .* use layout='channels_last' for"):
        find_layout(shape, None, "x", key="layout")


def test_the_words_name_height_width_and_channels():
    assert said((3, 8, 9), "channels_first") == "images 8x9 with 3 channels (channels first, moved to the last axis)"
    assert said((8, 9, 1), "channels_last") == "images 8x9 with 1 channel (channels last)"


def test_what_has_no_channels_has_no_layout():
    with pytest.raises(UserError, match=r"\[4\]: leave data\.layout out"):
        find_layout((4,), "channels_first", "a.npy")
    with pytest.raises(UserError, match="Did you mean 'channels_last'"):
        refuse_unknown_layout("channel_last")
