"""The record of 2013 as partitions: complete, by local date, and moved whole."""

from datetime import date, timedelta

import pandas as pd
import pytest

from models.flights import source
from models.flights.definition import MODEL
from support.flights_record import Record

DAY = date(2013, 7, 4)
COUNTS = {"flights": 336_776, "schedule": 336_776, "weather": 26_115}


@pytest.mark.parametrize(("name", "rows"), COUNTS.items())
def test_every_row_of_the_record_is_in_one_partition(record: Record, name: str, rows: int) -> None:
    assert sum(len(frame) for frame in record[name].values()) == rows


def test_every_day_has_flights_and_the_replayed_ones_have_weather(record: Record) -> None:
    days = {source.FIRST + timedelta(days=n) for n in range(365)}
    assert set(record["flights"]) == set(record["schedule"]) == days
    assert set(record["weather"]) == days - {source.LAST}
    assert max(record["weather"]) == source.REPLAYED_LAST


def test_the_replayed_days_are_whole_weeks() -> None:
    assert ((source.REPLAYED_LAST - source.FIRST).days + 1) % 7 == 0


def test_the_datasets_are_those_of_the_definition(record: Record) -> None:
    assert set(record) == {dataset.name for dataset in MODEL.datasets}


def test_the_keys_are_unique_every_night(record: Record) -> None:
    for dataset in MODEL.datasets:
        doubled = [day for day, frame in record[dataset.name].items() if frame.duplicated(list(dataset.key)).any()]
        assert doubled == []


def test_a_night_is_the_local_date_of_the_scheduled_departure(record: Record) -> None:
    """Flights of the evening belong to the next day in UTC."""
    flights = record["flights"][DAY]
    assert set(flights["night"]) == {pd.Timestamp(DAY)}
    local = flights["time_hour"].dt.tz_convert("America/New_York")
    assert set(local.dt.date) == {DAY}
    assert (local.dt.hour == flights["hour"]).all()
    assert (flights["time_hour"].dt.date > DAY).any()


@pytest.mark.parametrize(("day", "offset"), [(date(2013, 3, 9), 5), (date(2013, 3, 11), 4), (date(2013, 11, 4), 5)])
def test_the_offset_from_utc_is_that_of_the_season(record: Record, day: date, offset: int) -> None:
    flights = record["flights"][day]
    behind = flights["time_hour"].dt.tz_localize(None) - flights["night"] - pd.to_timedelta(flights["hour"], unit="h")
    assert set(behind) == {pd.Timedelta(hours=offset)}


@pytest.mark.parametrize("name", COUNTS)
def test_moving_moves_every_date_and_nothing_else(record: Record, name: str) -> None:
    frame = record[name][DAY]
    moved = source.shift_dates(frame, 4585)
    there = pd.Timestamp(DAY) + pd.Timedelta(days=4585)
    assert set(moved["night"]) == {there}
    assert set(zip(moved["year"], moved["month"], moved["day"], strict=True)) == {(there.year, there.month, there.day)}
    assert set(moved["time_hour"] - frame["time_hour"]) == {pd.Timedelta(days=4585)}
    same = frame.columns.difference(["night", "year", "month", "day", "time_hour"])
    pd.testing.assert_frame_equal(moved[same], frame[same])
    assert moved.dtypes.equals(frame.dtypes)


def test_the_schedule_knows_the_aircraft(record: Record) -> None:
    scheduled = record["schedule"][DAY]
    assert set(source.PLANE.values()) <= set(scheduled.columns)
    assert scheduled["plane_seats"].notna().mean() > 0.7


def test_a_corrupted_night_is_broken_in_each_way_that_its_label_says(record: Record) -> None:
    true = record["flights"][DAY]
    broken, altered = source.corrupt(true)
    assert len(altered) == 4
    assert len(broken) < 0.7 * len(true)
    assert broken.duplicated(list(MODEL.facts.key)).sum() == 40
    assert (broken["carrier"] == "ZZ").sum() >= 25
    assert broken.loc[broken["origin"] == "JFK", "arr_delay"].abs().median() < 1
    assert broken.dtypes.equals(true.dtypes)


def test_planting_leaves_the_true_night_alone_and_repeats_itself(record: Record) -> None:
    before = record["flights"][DAY].copy()
    first, second = source.corrupt(record["flights"][DAY]), source.corrupt(record["flights"][DAY])
    pd.testing.assert_frame_equal(record["flights"][DAY], before)
    pd.testing.assert_frame_equal(first[0], second[0])
