"""Texts of cells: numbers with a unit, and dates."""

import pytest

from vaerun.data.cell_text import is_date, unit_of


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-05",
        "2024/1/5",
        "2024-01",
        "05/01/2024",
        "12/31/2024",
        "05.01.2024",
        "05.01.24",
        "5 Jan 2024",
        "05-JAN-24",
        "5th March 2024",
        "Jan 5, 2024",
        "January 2024",
        "2024-01-05T10:00:00.123Z",
        "2024-01-05 10:00:00+01:00",
        "01/05/2024 10:00 AM",
        "Fri, 05 Jan 2024 10:00:00 +0000",
    ],
)
def test_a_date_is_known_in_its_usual_forms(text: str) -> None:
    assert is_date(text)
    assert not is_date(f"{text} or later")


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "10.0.1",
        "192.168.0.1",
        "02:01",
        "2024-Q1",
        "12-34",
        "123-45-6789",
        "1/2",
        "may",
        "45.67.89",
        "12 kg",
        "2024-13-45",
        "2024-01/05",
        "555-1234",
        "mar 12",
        "1990",
    ],
)
def test_other_texts_with_digits_are_no_dates(text: str) -> None:
    assert not is_date(text)


def test_a_unit_stands_before_or_after_a_number() -> None:
    assert [unit_of(text) for text in ("12.3 kg", "€ 5", "1st", "kg", "a 5")] == ["kg", "€", "", "", ""]
