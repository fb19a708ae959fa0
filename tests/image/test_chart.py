"""Charts: marks are where their values are, and a sheet holds every chart."""

import numpy as np

from vaerun.image.chart import BLUE, HEIGHT, RED, WIDTH, Axes, Chart, sheet


def drawn() -> Chart:
    return Chart(Axes("title", "x", "y", (0.0, 2.0), (0.0, 10.0)))


def where(image: np.ndarray, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero((np.abs(image.astype(int) - colour) < 8).all(-1))


def test_a_bar_ends_at_its_height_and_a_line_stands_at_its_value() -> None:
    chart = drawn()
    chart.bars([0.0, 1.0, 2.0], [10.0, 5.0])
    chart.line([0.5, 0.5], [0.0, 10.0], RED)
    image = chart.array()
    rows, columns = where(image, BLUE)
    middle = (columns.min() + columns.max()) / 2
    tall, short = (rows[side].max() - rows[side].min() for side in (columns < middle - 2, columns > middle + 2))
    assert abs(tall - 2 * short) <= 2
    reddest = (image[..., 0].astype(int) - image[..., 2]).max(0).argmax()
    assert abs(reddest - (columns.min() + (middle - columns.min()) / 2)) <= 2


def test_a_value_outside_the_axes_is_drawn_at_their_end() -> None:
    chart = drawn()
    assert chart.place(-5.0, 20.0) == chart.place(0.0, 10.0)


def test_a_sheet_fills_its_last_row_with_white() -> None:
    image = sheet([drawn(), drawn(), drawn()], columns=2)
    assert image.shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert (image[HEIGHT:, WIDTH:] == 255).all()
    assert sheet([drawn()], columns=4).shape == (HEIGHT, WIDTH, 3)
