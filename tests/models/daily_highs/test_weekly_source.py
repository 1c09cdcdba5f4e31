"""The record of 2012 to 2015 as partitions: whole weeks, by their Sunday, and moved whole."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pytest

from models.daily_highs import source
from models.daily_highs.definition import MODEL
from nightshift.errors import BadConfig

Record = Mapping[str, Mapping[date, pd.DataFrame]]
WEEK = timedelta(days=7)
NIGHT = date(2014, 8, 17)


def test_every_day_of_the_whole_weeks_is_in_one_partition(record: Record) -> None:
    days = pd.concat(record["observed"].values())["day"]
    expected = pd.date_range(source.FIRST, source.LAST)
    assert list(days) == list(expected)
    assert len(days) == 1461 - 1 - 4  # the record's first day, a Sunday, and its last four end no whole week


def test_partitions_stand_a_week_apart_on_sundays(record: Record) -> None:
    for name in ("observed", "scheduled"):
        nights = sorted(record[name])
        assert len(nights) == 208
        assert nights[0] - source.FIRST == timedelta(days=6)
        assert nights[-1] == source.LAST == source.REPLAYED_LAST
        assert {night.isoweekday() for night in nights} == {7}
        assert {later - night for night, later in pairwise(nights)} == {WEEK}


def test_the_datasets_are_those_of_the_definition_and_their_keys_are_unique(record: Record) -> None:
    assert set(record) == {dataset.name for dataset in MODEL.datasets}
    for dataset in MODEL.datasets:
        assert not any(frame.duplicated(list(dataset.key)).any() for frame in record[dataset.name].values())


def test_a_week_begins_on_monday_and_ends_with_its_night(record: Record) -> None:
    week = record["observed"][NIGHT]
    assert list(week["day"]) == list(pd.date_range(NIGHT - WEEK + timedelta(days=1), NIGHT))
    assert week["temp_max"].tolist() == [35.6, 27.2, 23.3, 21.1, 24.4, 25.6, 27.8]
    assert (week["temp_max"] >= week["temp_min"]).all()


def test_what_is_asked_is_the_dates_and_nothing_that_was_observed(record: Record) -> None:
    scheduled = record["scheduled"][NIGHT]
    assert list(scheduled) == ["day", "days_ahead"]
    assert scheduled["days_ahead"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert scheduled["day"].equals(record["observed"][NIGHT]["day"])


@pytest.mark.parametrize("name", ["observed", "scheduled"])
def test_moving_moves_the_days_and_nothing_else(record: Record, name: str) -> None:
    frame = record[name][NIGHT]
    moved = source.shift_dates(frame, 4 * 7)
    assert (moved["day"] - frame["day"] == pd.Timedelta(days=28)).all()
    assert moved.dtypes.equals(frame.dtypes)
    pd.testing.assert_frame_equal(moved.drop(columns="day"), frame.drop(columns="day"))
    assert source.shift_dates(frame, 0) is frame


def test_a_corrupted_week_is_broken_in_each_way_that_its_label_says(record: Record) -> None:
    true = record["observed"][NIGHT].copy()
    broken, altered = source.corrupt(record["observed"][NIGHT])
    pd.testing.assert_frame_equal(record["observed"][NIGHT], true)
    assert len(altered) == 3
    assert true["day"].iloc[-1] not in set(broken["day"])
    assert broken["temp_max"].min() > 60
    assert broken.duplicated("day").sum() == 1
    assert broken.dtypes.equals(true.dtypes)


def test_a_machine_without_the_package_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    source._find_file.cache_clear()
    monkeypatch.setattr(source, "find_spec", lambda _: None)
    with pytest.raises(BadConfig, match="the package vega_datasets is not installed"):
        source.load_frames()
