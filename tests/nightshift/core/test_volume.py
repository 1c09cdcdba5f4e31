"""How many rows are usual: the same weekday counts first."""

from datetime import date, timedelta

import pytest

from nightshift.core.volume import VolumePolicy, compute_bounds, compute_usual, list_similar_nights

SATURDAY = date(2013, 3, 2)


def _before(*days: int, rows: int) -> dict[date, int]:
    return {SATURDAY - timedelta(days=number): rows for number in days}


def test_the_same_weekday_decides_however_different_the_others_are() -> None:
    rows = _before(*range(1, 29), rows=980) | _before(7, 14, 21, 28, rows=700)
    assert compute_usual(SATURDAY, rows) == 700


def test_one_of_the_same_weekday_is_too_few_to_decide_alone() -> None:
    rows = _before(1, 2, 3, rows=980) | _before(7, rows=700)
    assert compute_usual(SATURDAY, rows) == 980


def test_without_enough_nights_nothing_is_usual() -> None:
    assert compute_usual(SATURDAY, _before(1, 2, rows=980)) is None


@pytest.mark.parametrize("days", [0, -1, 29, 35])
def test_the_night_itself_later_and_older_ones_do_not_count(days: int) -> None:
    rows = _before(7, 14, rows=700)
    assert compute_usual(SATURDAY, rows | _before(days, days, rows=5)) == 700


def test_the_weekdays_are_those_of_four_weeks() -> None:
    assert [night.isoformat() for night in list_similar_nights(SATURDAY)] == [
        "2013-02-23",
        "2013-02-16",
        "2013-02-09",
        "2013-02-02",
    ]


def test_longer_periods_are_compared_with_the_four_before() -> None:
    assert list_similar_nights(SATURDAY, 14)[:2] == [date(2013, 2, 16), date(2013, 2, 2)]
    weeks = _before(7, 14, 21, 28, rows=7)
    assert compute_usual(SATURDAY, weeks | _before(35, rows=5000), days=7) == 7
    assert compute_usual(SATURDAY, _before(14, 28, rows=20) | _before(70, rows=5000), days=14) == 20


def test_bounds_are_shares_of_the_usual_or_the_first_ones() -> None:
    policy = VolumePolicy(share=(0.6, 1.4), first=(400, 1600))
    assert compute_bounds(policy, 1000.0) == (600, 1400)
    assert compute_bounds(policy, None) == (400, 1600)
