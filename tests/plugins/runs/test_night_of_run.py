"""The night of a run: what is taken, what is refused, and that nothing refused ever gets through."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from hypothesis import example, given
from hypothesis import strategies as st
from pendulum import DateTime
from pendulum import timezone as pendulum_timezone

from nightshift.errors import BadConfig
from nightshift_airflow.runs.night_of_run import Calendar, Run, find_delivery_day, find_night
from support import airflow_environment  # noqa: F401  # before anything imports airflow

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
INTERVAL = (datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))
UTC_DAYS = Calendar("UTC")


def run(conf: dict[str, Any] | None = None, interval: tuple[datetime, datetime] | None = INTERVAL, **more: Any) -> Run:
    return Run(conf=conf or {}, interval=interval, now=more.pop("now", NOW), **more)


def attempt(conf: dict[str, Any]) -> tuple[date | None, str]:
    """The night that is taken, or the sentence that refuses it."""
    try:
        return find_night(run(conf), UTC_DAYS), ""
    except BadConfig as error:
        return None, str(error)


def test_the_interval_names_the_night() -> None:
    assert find_night(run(), UTC_DAYS) == date(2026, 3, 9)


def test_an_explicit_night_wins() -> None:
    assert find_night(run({"night": "2013-02-09"}), UTC_DAYS) == date(2013, 2, 9)


def test_an_empty_night_is_no_night() -> None:
    assert find_night(run({"night": None}), UTC_DAYS) == date(2026, 3, 9)


def test_the_interval_is_read_in_the_timezone_of_the_schedule() -> None:
    start = datetime(2026, 3, 8, 23, 0, tzinfo=UTC)  # midnight of the 9th in Berlin
    assert find_night(run(interval=(start, start + DAY)), Calendar("Europe/Berlin")) == date(2026, 3, 9)
    assert find_night(run(interval=(start, start + DAY)), UTC_DAYS) == date(2026, 3, 8)


def intervals(cron: str, timezone: str, first: date) -> Iterator[tuple[datetime, datetime]]:
    """The intervals that Airflow's own timetable gives to its runs, from the first that begins after a day does."""
    zone = pendulum_timezone(timezone)
    table = CronDataIntervalTimetable(cron, timezone=zone)
    since = TimeRestriction(DateTime(first.year, first.month, first.day, tzinfo=zone), None, catchup=True)
    last = None
    while run_info := table.next_dagrun_info(last_automated_data_interval=last, restriction=since):
        last = run_info.data_interval
        assert last
        yield last.start, last.end


@pytest.mark.parametrize("cron", ["0 0 * * *", "0 3 * * *", "30 2 * * *", "59 23 * * *"])
@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("month", [3, 4, 10, 11])  # clocks change in each of them, somewhere
def test_a_daily_cron_line_names_the_day_on_which_its_interval_begins(cron: str, timezone: str, month: int) -> None:
    calendar, first = Calendar(timezone), date(2025, month, 1)
    for number, interval in enumerate(islice(intervals(cron, timezone, first), 31)):
        assert find_night(run(interval=interval), calendar) == calendar.find_day(interval[0]) == first + number * DAY


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/Los_Angeles"])
def test_the_night_of_a_week_is_its_last_day(timezone: str) -> None:
    week = Calendar(timezone, days=7)
    sunday = date(2025, 1, 12)  # the end of the first week that begins after the first Monday of the year
    for number, interval in enumerate(islice(intervals("0 4 * * 1", timezone, date(2025, 1, 1)), 50)):
        assert find_night(run(interval=interval), week) == sunday + 7 * number * DAY


@pytest.mark.parametrize(("cron", "days"), [("0 0 * * 1", 1), ("0 0 * * *", 7), ("0 0 * * 1,4", 7), ("0 0 1 * *", 7)])
def test_a_cron_line_that_does_not_fit_the_days_of_a_run_is_an_error_that_says_so(cron: str, days: int) -> None:
    interval = next(intervals(cron, "UTC", date(2025, 6, 1)))
    with pytest.raises(BadConfig, match=rf"interval is \d+ days long .* says days={days}: enter 'night', or make"):
        find_night(run(interval=interval), Calendar("UTC", days))


def test_an_interval_without_a_day_asks_for_the_night_and_blames_nothing() -> None:
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    with pytest.raises(BadConfig, match=r"lies within one day, 2026-03-29: enter 'night', for example 2026-03-29\Z"):
        find_night(run(interval=(noon, noon)), Calendar("Europe/Berlin"))


def test_any_day_may_be_asked_for_whatever_the_period() -> None:
    assert find_night(run({"night": "2013-02-13"}, interval=None), Calendar("UTC", days=7)) == date(2013, 2, 13)


def test_a_run_without_any_date_says_what_to_enter() -> None:
    with pytest.raises(BadConfig, match=r"\Athis run has no date: trigger it again and enter 'night', for example"):
        find_night(run(interval=None), UTC_DAYS)


@pytest.mark.parametrize("conf", [{"nigth": "2013-02-09"}, {"night": "2013-02-09", "force": True}, {"": 1}])
def test_unknown_keys_are_refused(conf: dict[str, Any]) -> None:
    with pytest.raises(BadConfig, match="unknown keys"):
        find_night(run(conf), UTC_DAYS)


def test_a_backfill_does_not_take_one_night_for_all_its_runs() -> None:
    with pytest.raises(BadConfig, match="a backfill takes its nights from its dates"):
        find_night(run({"night": "2013-02-09"}, backfill=True), UTC_DAYS)
    assert find_night(run(backfill=True), UTC_DAYS) == date(2026, 3, 9)


@pytest.mark.parametrize("value", ["2026-03-10", "2026-03-11", "9999-12-31"])
def test_a_day_that_is_not_over_is_refused(value: str) -> None:
    with pytest.raises(BadConfig, match="is not over yet"):
        find_night(run({"night": value}), UTC_DAYS)


def test_a_day_is_over_when_it_is_over_in_its_own_timezone() -> None:
    late = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)  # still the 9th in New York
    assert find_night(run({"night": "2026-03-09"}, now=late), UTC_DAYS) == date(2026, 3, 9)
    with pytest.raises(BadConfig, match="is not over yet"):
        find_night(run({"night": "2026-03-09"}, now=late), Calendar("America/New_York"))


def test_a_delivery_may_be_of_today_but_not_of_tomorrow() -> None:
    assert find_delivery_day(run({"night": "2026-03-10"}), UTC_DAYS) == date(2026, 3, 10)
    with pytest.raises(BadConfig, match="is not over yet"):
        find_delivery_day(run({"night": "2026-03-11"}), UTC_DAYS)


def test_a_delivery_without_a_night_lands_up_to_the_day_on_which_its_interval_ends() -> None:
    before_midnight = datetime(2026, 3, 9, 23, 45, tzinfo=UTC)
    assert find_delivery_day(run(interval=(before_midnight - DAY, before_midnight)), UTC_DAYS) == date(2026, 3, 9)


HOSTILE = st.one_of(st.text(), st.integers(), st.booleans(), st.floats(), st.lists(st.text()), st.binary())


@given(HOSTILE)
@example("2013-02-09\n")
@example("2013-02-09;id")
@example("$(id)")
@example("{{ ds }}")
@example("２０１３-０２-０９")
@example("٢٠١٣-٠٢-٠٩")
@example("2013-02-30")
@example("20130209")
@example("2013-W06-6")
@example("-2013-02-09")
@example("x" * 300)
@example("")
@example(" 2013-02-09")
@example(0)
@example([])
def test_whatever_is_sent_either_is_a_day_or_is_refused_in_one_line(value: object) -> None:
    night, refusal = attempt({"night": value})
    assert night is None or night.isoformat() == value
    assert "\n" not in refusal
    assert len(refusal) < 300


@given(st.dates(min_value=date(1, 1, 1), max_value=NOW.date() - timedelta(days=1)))
def test_every_day_that_is_over_is_taken(day: date) -> None:
    assert find_night(run({"night": day.isoformat()}), UTC_DAYS) == day


@given(st.dictionaries(st.text().filter(lambda key: key != "night"), st.text(), min_size=1))
def test_no_unknown_key_gets_through_and_the_message_stays_short(conf: dict[str, Any]) -> None:
    with pytest.raises(BadConfig) as refused:
        find_night(run(conf), UTC_DAYS)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000
