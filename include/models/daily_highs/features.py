"""The features, the label and the slices of the daily highs model, all in degrees Celsius.

Of a day in the coming week two things are known: its date, and what was observed up to the Sunday before. The season is
in the date; how far the weather has left the season shows in the last weeks, and says less of each further day.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

WEEK = pd.Timedelta(days=7)
YEAR_DAYS = 365.25
# By how much what Sunday says of Monday fades with each day: after two days a third of it is left.
FADING_DAYS = 2.0
LAST_NEAR_DAY = 3


def labels(facts: pd.DataFrame) -> pd.Series:
    """The day's highest temperature; NaN where the station has none."""
    return facts["temp_max"].astype("float64").rename("label")


def slices(scheduled: pd.DataFrame) -> pd.DataFrame:
    """The groups in which a challenger must not get worse: the days just ahead, and those further away."""
    near = scheduled["days_ahead"] <= LAST_NEAR_DAY
    return pd.DataFrame({"ahead": np.where(near, "days 1 to 3", "days 4 to 7")}, index=scheduled.index)


def features(scheduled: pd.DataFrame, history: Mapping[str, pd.DataFrame], day: date) -> pd.DataFrame:
    """One row of floats per day of the week that ends with `day`, in the same order; NaN where nothing is known."""
    month, week, sunday = _make_recent_features(history["observed"], pd.Timestamp(day) - WEEK)
    fading = np.exp(-(scheduled["days_ahead"] - 1) / FADING_DAYS)
    known = {**_make_season_features(scheduled["day"]), "month": month, "week_over_month": week - month}
    table = pd.DataFrame(known, index=scheduled.index).astype("float64")
    return table.assign(sunday_over_month=(sunday - month) * fading)


def _make_season_features(day: pd.Series) -> dict[str, object]:
    """Where in the year a day is: two waves, so that spring and autumn need not mirror each other."""
    angle = 2 * np.pi * pd.to_datetime(day).dt.day_of_year / YEAR_DAYS
    return {
        "year_sin": np.sin(angle),
        "year_cos": np.cos(angle),
        "half_year_sin": np.sin(2 * angle),
        "half_year_cos": np.cos(2 * angle),
    }


def _make_recent_features(observed: pd.DataFrame, sunday: pd.Timestamp) -> tuple[float, float, float]:
    """The mean high of the last four weeks and of the last one, and Sunday's own; NaN for what was not observed."""
    observations = observed.reindex(columns=["day", "temp_max"]).astype({"temp_max": "float64"})
    when = pd.to_datetime(observations["day"])
    return (
        float(observations["temp_max"].mean()),
        float(observations.loc[when > sunday - WEEK, "temp_max"].mean()),
        float(observations.loc[when == sunday, "temp_max"].mean()),
    )
