"""The calendar of a replay: whole weeks, any weekday, and round again after the last day."""

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import BadConfig
from nightshift.seeding import calendar

FIRST, LAST = date(2013, 1, 1), date(2013, 12, 30)
DAY = timedelta(days=1)
DATES = st.dates(date(2014, 1, 1), date(2100, 1, 1))
WEEK = [date(2026, 3, 2) + n * DAY for n in range(7)]


@pytest.mark.parametrize("yesterday", WEEK, ids=lambda day: day.strftime("%A"))
def test_on_any_weekday_the_last_day_falls_on_yesterday_or_in_the_six_days_after(yesterday: date) -> None:
    replay = calendar.build_shifted(FIRST, LAST, yesterday)
    last = LAST + timedelta(days=replay.shift_days)
    assert yesterday <= last <= yesterday + 6 * DAY
    assert last.weekday() == LAST.weekday()
    assert replay.find_source_day(last) == LAST


def test_the_seven_weekdays_see_seven_different_days_of_the_record() -> None:
    observed = {calendar.build_shifted(FIRST, LAST, yesterday).find_source_day(yesterday) for yesterday in WEEK}
    assert observed == {LAST - n * DAY for n in range(7)}


@given(yesterday=DATES, ahead=st.integers(-363, 3000))
def test_every_night_replays_a_day_of_its_own_weekday(yesterday: date, ahead: int) -> None:
    night = yesterday + timedelta(days=ahead)
    replay = calendar.build_shifted(FIRST, LAST, yesterday)
    day = replay.find_source_day(night)
    if night < replay.begins:
        assert day is None
    else:
        assert day is not None
        assert FIRST <= day <= LAST
        assert day.weekday() == night.weekday()


@given(yesterday=DATES)
def test_a_year_up_to_yesterday_is_there(yesterday: date) -> None:
    replay = calendar.build_shifted(FIRST, LAST, yesterday)
    assert (yesterday - replay.begins).days >= 357


@given(yesterday=DATES)
def test_after_the_last_day_the_record_begins_again(yesterday: date) -> None:
    replay = calendar.build_shifted(FIRST, LAST, yesterday)
    last = LAST + timedelta(days=replay.shift_days)
    assert [replay.find_source_day(last + n * DAY) for n in range(3)] == [LAST, FIRST, FIRST + DAY]
    assert replay.find_source_day(last + 364 * DAY) == LAST


def test_the_original_dates_are_those_of_the_record_and_end_with_it() -> None:
    replay = calendar.build_original(FIRST, LAST)
    assert replay.find_source_day(FIRST) == FIRST
    assert replay.find_source_day(LAST) == LAST
    assert replay.find_source_day(LAST + DAY) is None
    assert replay.find_source_day(FIRST - DAY) is None


@pytest.mark.parametrize("replay", [calendar.build_original(FIRST, LAST), calendar.build_shifted(FIRST, LAST, WEEK[3])])
def test_a_replay_is_stored_and_found_again(replay: calendar.Replay) -> None:
    assert calendar.parse(json.loads(json.dumps(replay.to_dict())), "there") == replay


@pytest.mark.parametrize("fields", [{}, {"first": "2013-01-01"}, {"first": "x", "last": "y"}, {"dates": "shifted"}])
def test_what_is_no_replay_is_named(fields: dict[str, str]) -> None:
    with pytest.raises(BadConfig, match="s3://lake/flights/_REPLAY does not describe a replay"):
        calendar.parse(fields, "s3://lake/flights/_REPLAY")
