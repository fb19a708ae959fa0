"""What the text of a cell is: a number, a number with a unit, or a date."""

import re

WITH_UNIT = re.compile(
    r"(?P<before>[€$£¥])?\s*[-+]?\d[\d,.]*\s*(?P<after>[€$£¥%‰°]\w*|[^\W\d_][^\s\d]*(\s[^\W\d_]+)?)?"
)
ORDINALS = ("st", "nd", "rd", "th")  # of 1st, 22nd, …
DAY, MONTH, YEAR = r"(0?[1-9]|[12]\d|3[01])", r"(0?[1-9]|1[0-2])", r"([12]\d{3})"
PAIR = r"(0[1-9]|[12]\d|3[01])"  # a day or a month in two digits
NAME = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
DATE = re.compile(
    r"([a-z]{3,9}\.?,?\s)?"  # a day of the week
    rf"({YEAR}(?P<one>[-/.]){MONTH}((?P=one){DAY})?"
    rf"|({DAY}(?P<two>[-/.]){MONTH}|{MONTH}(?P<three>[-/.]){DAY})((?P=two)|(?P=three)){YEAR}"
    rf"|{PAIR}(?P<four>[-/.]){PAIR}(?P=four)\d\d"
    rf"|{DAY}(st|nd|rd|th)?[-\s]{NAME}[-,\s]+(\d\d|{YEAR})|{NAME}\s{DAY}(st|nd|rd|th)?,?\s{YEAR}|{NAME}\s{YEAR})"
    r"([t,\s]+\d{1,2}:\d\d(:\d\d([.,]\d+)?)?\s?([ap]\.?m\.?)?\s?(z|utc|gmt|[-+]\d\d:?\d\d)?)?",
    re.IGNORECASE,
)
"""Dates as 2024-01-05, 05/01/2024, 05.01.24, 5 January 2024 or Jan 5, 2024, also with a time."""


def is_number(text: str) -> bool:
    """Whether Python reads the text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def unit_of(text: str) -> str:
    """The unit of a number with a unit, such as kg in "12.3 kg" or € in "€ 5"; empty for any other text."""
    found = WITH_UNIT.fullmatch(text.strip())
    unit = (found["before"] or found["after"] or "") if found is not None else ""
    return "" if unit in ORDINALS else unit


def is_date(text: str) -> bool:
    """Whether the text is a date, with or without a time."""
    return DATE.fullmatch(text.strip()) is not None
