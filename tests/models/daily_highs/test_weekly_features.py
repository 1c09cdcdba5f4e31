"""The features of a week: what they are, that nothing of the week itself reaches them, and what is said of gaps."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from models.daily_highs import features
from models.daily_highs.definition import MODEL

Record = Mapping[str, Mapping[date, pd.DataFrame]]
FeaturesOf = Callable[[Record, date], pd.DataFrame]
WEEK = timedelta(days=7)
NIGHT = date(2014, 8, 17)


def altered(record: Record, since: date) -> Record:
    """The record as if from the week that ends with `since` on all had been observed otherwise."""
    generator = np.random.default_rng(0)

    def otherwise(frame: pd.DataFrame) -> pd.DataFrame:
        numbers = ["precipitation", "temp_max", "temp_min", "wind"]
        return frame.assign(**{name: generator.normal(50, 20, len(frame)) for name in numbers}, weather="other")

    observed = {night: otherwise(frame) if night >= since else frame for night, frame in record["observed"].items()}
    return {**record, "observed": observed}


def test_nothing_of_the_week_itself_or_later_moves_a_feature(record: Record, features_of: FeaturesOf) -> None:
    pd.testing.assert_frame_equal(features_of(altered(record, NIGHT), NIGHT), features_of(record, NIGHT))


def test_what_was_observed_in_the_week_before_does(record: Record, features_of: FeaturesOf) -> None:
    """The other test could not fail if the altering touched nothing."""
    before, after = features_of(record, NIGHT), features_of(altered(record, NIGHT - WEEK), NIGHT)
    moved = {column for column in before if not after[column].equals(before[column])}
    assert moved == {"month", "week_over_month", "sunday_over_month"}


def test_recent_weeks_are_those_of_the_observations(record: Record, features_of: FeaturesOf) -> None:
    weeks = [record["observed"][NIGHT - number * WEEK]["temp_max"] for number in range(1, 5)]
    month, last = pd.concat(weeks).mean(), weeks[0]
    actual = features_of(record, NIGHT)
    assert actual["month"].tolist() == pytest.approx([month] * 7)
    assert actual["week_over_month"].tolist() == pytest.approx([last.mean() - month] * 7)
    assert actual["sunday_over_month"].iloc[0] == pytest.approx(last.iloc[-1] - month)
    assert actual["sunday_over_month"].iloc[2] == pytest.approx((last.iloc[-1] - month) / np.e)


def test_the_season_comes_round_after_a_year(record: Record, features_of: FeaturesOf) -> None:
    season = ["year_sin", "year_cos", "half_year_sin", "half_year_cos"]
    now, next_year = features_of(record, NIGHT)[season], features_of(record, NIGHT + 52 * WEEK)[season]
    assert np.abs(now.to_numpy() - next_year.to_numpy()).max() < 0.05
    half = features_of(record, NIGHT + 26 * WEEK)[season]
    assert np.abs(now["year_sin"].to_numpy() + half["year_sin"].to_numpy()).max() < 0.05


def test_without_the_last_week_the_month_is_still_known_and_sunday_is_not(
    record: Record, features_of: FeaturesOf
) -> None:
    remaining = {night: frame for night, frame in record["observed"].items() if night != NIGHT - WEEK}
    actual = features_of({**record, "observed": remaining}, NIGHT)
    assert actual["month"].notna().all()
    assert actual[["week_over_month", "sunday_over_month"]].isna().all().all()


def test_without_any_history_only_the_season_is_known(record: Record, features_of: FeaturesOf) -> None:
    actual = features_of({**record, "observed": {}}, NIGHT)
    assert actual.filter(like="year").notna().all().all()
    assert actual[["month", "week_over_month", "sunday_over_month"]].isna().all().all()


def test_the_label_is_the_high_and_missing_where_the_station_has_none(record: Record) -> None:
    week = record["observed"][NIGHT].copy()
    week.loc[2, "temp_max"] = np.nan
    actual = features.labels(week)
    assert actual.isna().tolist() == [False, False, True, False, False, False, False]
    assert actual.iloc[0] == week["temp_max"].iloc[0]


def test_the_slices_are_the_days_near_and_far(record: Record) -> None:
    groups = features.slices(record["scheduled"][NIGHT])
    assert list(groups) == list(MODEL.gate.slices)
    assert groups["ahead"].tolist() == ["days 1 to 3"] * 3 + ["days 4 to 7"] * 4
