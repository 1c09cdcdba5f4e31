"""No feature of a flight changes when everything after the evening before is altered."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from models.flights import source
from support.flights_record import FeaturesOf, Record

DAY = date(2013, 12, 10)
EVENING_BEFORE = DAY - timedelta(days=1)
ACTUAL = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
IDENTITY = ("origin", "night", "time_hour")


def rewritten(record: Record, since: date) -> Record:
    """The record as if from `since` on all had gone otherwise: times, delays, cancellations, order, weather."""
    return {
        name: {
            night: frame if name == "schedule" or night < since else _otherwise(name, frame)
            for night, frame in nights.items()
        }
        for name, nights in record.items()
    }


def _otherwise(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    columns: Sequence[str] = (
        ACTUAL if name == "flights" else [str(column) for column in frame if column not in IDENTITY]
    )
    values = {column: generator.normal(1000, 300, len(frame)) for column in columns}
    cancelled = generator.random(len(frame)) < 0.3
    changed = frame.assign(**{c: np.where(cancelled, np.nan, v) for c, v in values.items()})
    return changed.sample(frac=1, random_state=0)


def test_nothing_that_happens_later_moves_a_feature(record: Record, features_of: FeaturesOf) -> None:
    before = features_of(record, DAY)
    pd.testing.assert_frame_equal(features_of(rewritten(record, DAY), DAY), before)


def test_what_happened_the_evening_before_does(record: Record, features_of: FeaturesOf) -> None:
    """The other test could not fail if the rewriting touched nothing."""
    before, after = features_of(record, DAY), features_of(rewritten(record, EVENING_BEFORE), DAY)
    moved = {column for column in before if not after[column].equals(before[column])}
    assert moved >= {"origin_late_1", "carrier_late_3", "dest_late_14", "flight_late_14", "evening_delay_1"}
    assert moved >= {"rain_1", "wind_1", "visib_1"}


@pytest.mark.parametrize("column", ACTUAL)
def test_the_schedule_holds_nothing_that_happened(record: Record, column: str) -> None:
    assert column in record["flights"][DAY]
    assert column not in record["schedule"][DAY]


def test_the_order_of_the_schedule_tells_nothing(monkeypatch: pytest.MonkeyPatch, record: Record) -> None:
    """The package lists flights by actual departure, cancelled ones last."""
    real = source._read_csv

    def shuffled(name: str) -> pd.DataFrame:
        read = real(name)
        return read.sample(frac=1, random_state=0).reset_index(drop=True) if name.startswith("flights") else read

    monkeypatch.setattr(source, "_read_csv", shuffled)
    pd.testing.assert_frame_equal(source.load_frames()["schedule"][DAY], record["schedule"][DAY])


def test_a_flight_has_the_features_it_had_before_another_was_cancelled(record: Record, features_of: FeaturesOf) -> None:
    """Rows that the label needs (flights that arrived) and rows without one are made alike."""
    facts = record["flights"][DAY]
    arrived = facts["arr_delay"].notna()
    assert 0.1 < (~arrived).mean() < 0.9
    actual = features_of(record, DAY)
    assert len(actual) == len(record["schedule"][DAY]) == len(facts)
