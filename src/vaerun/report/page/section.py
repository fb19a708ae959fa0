"""A section of the HTML report: plots that answer one question."""

from collections.abc import Sequence
from typing import NamedTuple

from vaerun.report.page.plot import Plot
from vaerun.report.page.series import Series


class Section(NamedTuple):
    """Plots that answer one question.

    Attributes:
        name: of the section, without spaces.
        title: the question.
        caption: how to read the plots.
        plots: the plots.
        series: the lines in all plots, for one legend; empty if the plots name their rows.
    """

    name: str
    title: str
    caption: str
    plots: Sequence[Plot]
    series: Sequence[Series] = ()
