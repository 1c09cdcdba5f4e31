"""A backfill makes the nights that a person asks for, in every time zone, however its dates reach Airflow."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from airflow.models.backfill import _get_info_list
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pendulum import instance

from nightshift_airflow.runs.night_of_run import Calendar, Run, find_night
from nightshift_airflow.runs.night_timetable import NightTimetable, find_named_day
from support import airflow_environment  # noqa: F401  # before anything imports airflow

DAY = timedelta(days=1)
FIRST, LAST = date(2026, 7, 1), date(2026, 7, 3)
ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
CRONS = ["0 0 * * *", "0 3 * * *", "30 2 * * *", "0 18 * * *", "0 20 * * *", "59 23 * * *"]


def serialized(timezone: str, cron: str = "0 0 * * *", days: int = 1) -> Any:
    """A DAG as the scheduler, the command line and the API read it from Airflow's database."""
    table = NightTimetable(cron, timezone, days - 1)
    dag = DAG(dag_id="m_nightly", schedule=table, start_date=datetime(2013, 1, 1, tzinfo=UTC), catchup=False)
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def nights(dag: Any, ends: Sequence[datetime], calendar: Calendar, *, reverse: bool = False) -> list[date]:
    """The nights of the runs that Airflow would make for a backfill, as their steps would read them."""
    runs = _get_info_list(dag=dag, from_date=ends[0], to_date=ends[1], reverse=reverse)
    now = datetime(2100, 1, 1, tzinfo=UTC)
    return [
        find_night(Run(conf={}, interval=(run.data_interval.start, run.data_interval.end), now=now), calendar)
        for run in runs
        if run.data_interval
    ]


def midnights(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Two days as whoever counts in `zone` enters them; as instants of UTC, which is what the UI sends."""
    begins, ends = (datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC) for day in (first, last))
    return begins, ends


def days(first: date, last: date) -> list[date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


@pytest.mark.parametrize("timezone", ["UTC", "Europe/London", "Asia/Tokyo", "America/New_York", "Pacific/Auckland"])
@pytest.mark.parametrize("written", ["{}T00:00:00Z", "{}T00:00:00+02:00", "{}T12:00:00-05:00"])
def test_nights_asked_for_are_nights_run(timezone: str, written: str) -> None:
    ends = [datetime.fromisoformat(written.format(day)) for day in (FIRST, LAST)]
    calendar, dag = Calendar(timezone), serialized(timezone)
    assert nights(dag, ends, calendar) == days(FIRST, LAST)
    assert nights(dag, ends, calendar, reverse=True) == days(FIRST, LAST)[::-1]


@pytest.mark.parametrize("timezone", ["UTC", "Europe/London", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("shown_in", ["Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles", "Australia/Sydney"])
def test_the_form_may_be_filled_in_in_any_zone(timezone: str, shown_in: str) -> None:
    dates = midnights(FIRST, LAST, shown_in)
    assert nights(serialized(timezone), dates, Calendar(timezone)) == days(FIRST, LAST)


@pytest.mark.parametrize("timezone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("written_in", ["UTC", "that of the model"])
def test_the_last_second_of_a_day_is_of_that_day(timezone: str, written_in: str) -> None:
    zone = ZoneInfo("UTC" if written_in == "UTC" else timezone)
    ends = [datetime.combine(FIRST, time.min, zone), datetime.combine(LAST, time(23, 59, 59), zone)]
    dates = [end.astimezone(UTC) for end in ends]
    assert nights(serialized(timezone), dates, Calendar(timezone)) == days(FIRST, LAST)


@pytest.mark.parametrize("timezone", ["UTC", "Europe/London", "Asia/Tokyo", "America/New_York"])
def test_the_nights_of_a_weekly_model_are_the_last_days_of_its_weeks(timezone: str) -> None:
    dag, week = serialized(timezone, "0 4 * * 1", days=7), Calendar(timezone, days=7)
    sundays = [date(2026, 7, 5), date(2026, 7, 12), date(2026, 7, 19)]
    dates = midnights(sundays[0], sundays[-1], "UTC")
    assert nights(dag, dates, week) == sundays
    assert nights(dag, midnights(FIRST, date(2026, 7, 25), timezone), week) == sundays
    assert nights(dag, midnights(FIRST, date(2026, 7, 4), "UTC"), week) == []


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    cron=st.sampled_from(CRONS),
    first=st.dates(date(2013, 1, 2), date(2026, 6, 1)),
    number=st.integers(0, 3),
    entered_in_utc=st.booleans(),
)
@example(zone="Africa/Cairo", cron="0 0 * * *", first=date(2024, 4, 25), number=3, entered_in_utc=True)
@example(zone="America/Santiago", cron="0 0 * * *", first=date(2024, 9, 7), number=3, entered_in_utc=False)
@example(zone="America/Havana", cron="0 0 * * *", first=date(2024, 11, 2), number=3, entered_in_utc=False)
@example(zone="Europe/Berlin", cron="30 2 * * *", first=date(2026, 3, 28), number=3, entered_in_utc=True)
@example(zone="Australia/Lord_Howe", cron="0 0 * * *", first=date(2026, 4, 4), number=3, entered_in_utc=True)
def test_every_zone_and_every_day_of_a_clock_change(
    zone: str, cron: str, first: date, number: int, entered_in_utc: bool
) -> None:
    last = first + number * DAY
    dates = midnights(first, last, "UTC" if entered_in_utc else zone)
    assert nights(serialized(zone, cron), dates, Calendar(zone)) == days(first, last)


@pytest.mark.parametrize("cron", [cron for cron in CRONS if cron != "0 20 * * *"])
def test_the_dates_that_airflow_shows_for_a_run_name_its_night(cron: str) -> None:
    zone = ZoneInfo("America/New_York")
    begins = datetime.combine(FIRST, time(int(cron.split()[1]), int(cron.split()[0])), zone).astimezone(UTC)
    assert nights(serialized(zone.key, cron), (begins, begins), Calendar(zone.key)) == [FIRST]


def test_the_beginnings_of_two_weeks_name_these_weeks_as_airflow_itself_does_to_mark_runs() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    begins = [datetime.combine(date(2026, 6, day), time(4, 30), zone).astimezone(UTC) for day in (15, 22)]
    week = Calendar(zone.key, days=7)
    assert nights(serialized(zone.key, "30 4 * * mon", days=7), begins, week) == [date(2026, 6, 21), date(2026, 6, 28)]


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(ZONES))
@settings(max_examples=50)
def test_whatever_instant_is_given_names_a_day_next_to_it(instant: datetime, zone: str) -> None:
    instant = instant.replace(year=2013 + instant.year % 15, day=min(instant.day, 28))
    day = find_named_day(instant, ZoneInfo(zone))
    assert abs((day - instant.date()).days) <= 1


@pytest.mark.parametrize(
    ("cron", "timezone"),
    [
        ("0 0 * * *", "Africa/Cairo"),
        ("30 2 * * *", "Europe/Berlin"),
        ("0 18 * * *", "America/New_York"),
        ("0 4 * * 1", "Asia/Tokyo"),
    ],
)
def test_scheduled_runs_are_those_of_airflows_own_timetable(cron: str, timezone: str) -> None:
    ours, theirs = NightTimetable(cron, timezone), CronDataIntervalTimetable(cron, timezone)
    since = TimeRestriction(instance(datetime(2024, 3, 1, tzinfo=UTC)), None, catchup=True)

    def runs(table: CronDataIntervalTimetable) -> list[DataInterval]:
        intervals: list[DataInterval] = []
        for _ in range(250):
            last = intervals[-1] if intervals else None
            run = table.next_dagrun_info(last_automated_data_interval=last, restriction=since)
            assert run
            assert run.data_interval
            intervals.append(run.data_interval)
        return intervals

    assert runs(ours) == runs(theirs)


@settings(max_examples=50, deadline=None)
@given(zone=st.sampled_from(ZONES), cron=st.sampled_from(CRONS), hour=st.integers(0, 24 * 365 * 10))
@example(zone="Europe/Berlin", cron="30 2 * * *", hour=0)
def test_a_run_by_hand_has_the_last_whole_day_whatever_the_clocks_do(zone: str, cron: str, hour: int) -> None:
    now = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    interval = NightTimetable(cron, zone).infer_manual_data_interval(run_after=instance(now))
    run = Run(conf={}, interval=(interval.start, interval.end), now=now)
    calendar = Calendar(zone)
    assert calendar.find_day(now) - find_night(run, calendar) in (DAY, 2 * DAY)


@pytest.mark.parametrize(
    ("cron", "timezone", "day"),
    [("30 2 * * *", "Europe/Berlin", date(2026, 3, 29)), ("0 0 * * *", "Africa/Cairo", date(2026, 4, 24))],
)
def test_a_run_by_hand_on_the_day_of_a_clock_change_has_the_night_before(cron: str, timezone: str, day: date) -> None:
    noon = datetime.combine(day, time(12), ZoneInfo(timezone))
    interval = NightTimetable(cron, timezone).infer_manual_data_interval(run_after=instance(noon.astimezone(UTC)))
    run = Run(conf={}, interval=(interval.start, interval.end), now=noon)
    assert find_night(run, Calendar(timezone)) == day - DAY
