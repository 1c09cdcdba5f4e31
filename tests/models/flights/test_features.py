"""The features, labels and slices of the flights model."""

import time
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from models.flights import features
from models.flights.definition import MODEL
from models.flights.estimator import LATER
from support.flights_record import FeaturesOf, Record

DAY = date(2013, 2, 20)
NOTHING = pd.DataFrame({"night": pd.to_datetime([])})


def facts_of(**columns: Sequence[object]) -> pd.DataFrame:
    """Flights of the evening before `DAY`, alike but for the columns given."""
    rows = len(next(iter(columns.values())))
    alike = {
        "night": pd.Timestamp(DAY - timedelta(days=1)),
        "carrier": "UA",
        "flight": 1,
        "origin": "EWR",
        "dest": "IAH",
        "hour": 5,
        "sched_dep_time": 515,
        "arr_delay": 0.0,
    }
    return pd.DataFrame({**alike, **columns}, index=range(rows))


def test_a_flight_is_late_above_fifteen_minutes_and_unlabelled_when_it_never_arrived() -> None:
    actual = features.labels(pd.DataFrame({"arr_delay": [-20.0, 15.0, 15.1, 300.0, np.nan]}))
    assert actual.name == "label"
    assert actual.tolist()[:4] == [0.0, 0.0, 1.0, 1.0]
    assert np.isnan(actual[4])


def test_cancelled_and_diverted_flights_have_no_label_and_are_scored(record: Record, features_of: FeaturesOf) -> None:
    facts = record["flights"][date(2013, 2, 8)]
    cancelled, diverted = facts["dep_time"].isna(), facts["air_time"].isna() & facts["dep_time"].notna()
    assert cancelled.sum() > 300
    assert diverted.any()
    assert features.labels(facts).isna().equals(cancelled | diverted)
    assert len(features_of(record, date(2013, 2, 8))) == len(facts)


def test_every_row_of_the_schedule_gets_one_row_of_floats_in_its_order(record: Record, features_of: FeaturesOf) -> None:
    scheduled, actual = record["schedule"][DAY], features_of(record, DAY)
    assert actual.index.equals(scheduled.index)
    assert set(actual.dtypes) == {np.dtype("float64")}
    assert actual["distance"].tolist() == scheduled["distance"].tolist()
    assert actual.columns.is_unique


def test_each_row_stands_for_itself(record: Record) -> None:
    """A schedule in another order gives the same features in that order."""
    scheduled = record["schedule"][DAY]
    history = {"flights": record["flights"][DAY - timedelta(days=1)], "weather": NOTHING}
    turned = scheduled.iloc[::-1]
    expected = features.features(scheduled, history, DAY).iloc[::-1]
    pd.testing.assert_frame_equal(features.features(turned, history, DAY), expected)


def test_every_day_has_the_same_columns(record: Record, features_of: FeaturesOf) -> None:
    empty = features.features(record["schedule"][DAY], {"flights": NOTHING, "weather": NOTHING}, DAY)
    assert list(empty.columns) == list(features_of(record, DAY).columns)
    assert empty.dtypes.equals(features_of(record, DAY).dtypes)


def test_without_history_nothing_is_known_of_the_past(record: Record) -> None:
    actual = features.features(record["schedule"][DAY], {"flights": NOTHING, "weather": NOTHING}, DAY)
    assert actual[["evening_delay_1", "rain_1", "wind_1", "visib_1"]].isna().all(axis=None)
    assert (actual[[name for name, _, _ in features.RATES]] == 0).all(axis=None)


def test_a_value_never_seen_is_no_error(record: Record) -> None:
    scheduled = record["schedule"][DAY].assign(carrier="ZZ", dest="XXX", plane_engine=None, plane_seats=np.nan)
    history = {"flights": record["flights"][DAY - timedelta(days=1)], "weather": NOTHING}
    actual = features.features(scheduled, history, DAY)
    assert set(actual["carrier"]) == {features.UNSEEN}
    assert set(actual["plane_engine"]) == {features.UNSEEN}
    assert (actual[["carrier_late_14", "dest_late_14", "flight_late_14"]] == 0).all(axis=None)


@pytest.mark.parametrize(
    ("day", "saturday"), [(date(2013, 2, 22), 0.0), (date(2013, 2, 23), 1.0), (date(2013, 2, 24), 0.0)]
)
def test_the_calendar_knows_saturdays(record: Record, features_of: FeaturesOf, day: date, saturday: float) -> None:
    assert set(features_of(record, day)["saturday"]) == {saturday}


@pytest.mark.parametrize(("clock", "minutes"), [(0, 0), (59, 59), (100, 60), (1359, 839), (2359, 1439)])
def test_a_clock_time_is_minutes_after_midnight(clock: int, minutes: int) -> None:
    assert features._convert_to_minutes(pd.Series([clock]))[0] == minutes


def test_a_flight_over_midnight_has_its_planned_minutes(record: Record) -> None:
    scheduled = record["schedule"][DAY].head(1).assign(sched_dep_time=2350, sched_arr_time=20)
    history = {"flights": NOTHING, "weather": NOTHING}
    assert features.features(scheduled, history, DAY)["planned_minutes"].tolist() == [30.0]


def test_a_group_that_was_late_more_often_than_others_says_so(record: Record) -> None:
    """Forty flights of EWR, all late, and forty of JFK, none: 0.5 more and less than all, drawn to 0 by the prior."""
    facts = facts_of(origin=["EWR"] * 40 + ["JFK"] * 40, arr_delay=[60.0] * 40 + [0.0] * 40)
    actual = features.features(record["schedule"][DAY], {"flights": facts, "weather": NOTHING}, DAY)
    rate = actual["origin_late_1"].groupby(record["schedule"][DAY]["origin"]).first()
    assert rate["EWR"] == pytest.approx(0.5 * 40 / (40 + features.PRIOR_FLIGHTS))
    assert rate["JFK"] == -rate["EWR"]
    assert rate["LGA"] == 0


def test_a_day_on_which_everyone_was_late_favours_no_one(record: Record) -> None:
    facts = facts_of(origin=["EWR"] * 40 + ["JFK"] * 40, arr_delay=[60.0] * 80)
    actual = features.features(record["schedule"][DAY], {"flights": facts, "weather": NOTHING}, DAY)
    assert (actual["origin_late_1"] == 0).all()


def test_a_rate_looks_back_over_its_own_nights_only(record: Record) -> None:
    """Late two nights before: no part of the rate of one night, part of that of fourteen."""
    two, one = (pd.Timestamp(DAY - timedelta(days=days)) for days in (2, 1))
    facts = facts_of(
        night=[two] * 40 + [one] * 40,
        origin=["EWR"] * 40 + ["JFK"] * 40,
        arr_delay=[60.0] * 40 + [0.0] * 40,
        hour=[8] * 80,
    )
    actual = features.features(record["schedule"][DAY], {"flights": facts, "weather": NOTHING}, DAY)
    ewr = (record["schedule"][DAY]["origin"] == "EWR") & (record["schedule"][DAY]["hour"] == 8)
    assert (actual["origin_late_1"] == 0).all()
    assert (actual.loc[ewr, "origin_hour_late_14"] > 0.2).all()


def test_the_fixed_directions_name_features(record: Record, features_of: FeaturesOf) -> None:
    assert set(LATER) <= set(features_of(record, DAY).columns)


def test_the_slices_of_the_gate_exist_for_every_row(record: Record) -> None:
    actual = features.slices(record["schedule"][DAY])
    assert set(MODEL.gate.slices) <= set(actual.columns)
    assert actual.index.equals(record["schedule"][DAY].index)
    assert not actual.isna().any(axis=None)


def test_a_day_costs_a_fraction_of_a_second(record: Record, features_of: FeaturesOf) -> None:
    """Of the machine's time: the least of some, since what else runs only ever adds to it, and with much to spare."""
    assert min(_seconds(record, features_of) for _ in range(6)) < 1


def _seconds(record: Record, features_of: FeaturesOf) -> float:
    started = time.process_time()
    features_of(record, DAY)
    return time.process_time() - started
