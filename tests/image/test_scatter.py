import numpy as np
import pytest

from vaerun.image.scatter import MARGIN, MOST, OTHER, SIDE, colour, entries, principal_plane, scatter


def test_the_plane_has_the_largest_variances_and_keeps_distances_in_it() -> None:
    generator = np.random.default_rng(0)
    axes, _ = np.linalg.qr(generator.normal(size=(4, 4)))
    scores = generator.normal(size=(500, 4)) * [3.0, 2.0, 0.1, 0.0]
    plane, share = principal_plane(5 + scores @ axes.T)
    centred = scores - scores.mean(0)
    correlation = np.abs(np.corrcoef(plane.T, centred[:, :2].T)[:2, 2:])
    np.testing.assert_allclose(correlation, np.eye(2), atol=0.1)
    assert share.tolist() == pytest.approx([9 / 13, 4 / 13], abs=0.1)
    one = np.arange(3.0)[:, None]
    assert principal_plane(one)[0].tolist() == [[-1, 0], [0, 0], [1, 0]]


def test_a_dot_stands_at_its_place_in_the_colour_of_its_class() -> None:
    image = scatter(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, -1]), ["zero"])
    low, high = (MARGIN, SIDE - MARGIN), (SIDE - MARGIN, MARGIN)

    def at(place: tuple[int, int]) -> str:
        return "#{:02x}{:02x}{:02x}".format(*image[place[1], place[0]])

    assert at((low[0], low[1])) == colour(0)
    assert at((high[0], high[1])) == OTHER
    assert image.dtype == np.uint8
    assert scatter(np.zeros((3, 2)), np.zeros(3, int), ["a"]).shape == image.shape


def test_the_legend_has_the_classes_that_occur() -> None:
    assert [text for text, _ in entries(np.array([2, 0, -1, 2]), ["a", "b", "c"])] == ["a", "c", "unknown"]
    many = entries(np.arange(30), [f"class {i} with a long name" for i in range(30)])
    assert many[-1][0] == f"and {30 - MOST} more"
    assert len(many[0][0]) == 18
