"""The record that the daily highs model replays: the weather of Seattle, 2012 to 2015, a partition per week.

The package vega_datasets holds it as CSV, observed by NOAA (public domain); nothing is downloaded. A partition holds
the seven days of a week, Monday to Sunday, and is named by its Sunday. Shifting moves every date by the same whole
weeks.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from nightshift.errors import BadConfig

# The first Monday and the last Sunday of the record: 208 whole weeks.
FIRST = date(2012, 1, 2)
LAST = date(2015, 12, 27)
REPLAYED_LAST = LAST


def load_frames() -> Mapping[str, Mapping[date, pd.DataFrame]]:
    """Every partition of the record: dataset name, then the Sunday that its week ends with."""
    observed = _read_observations()
    sunday = observed["day"] + pd.to_timedelta(6 - observed["day"].dt.day_of_week, unit="D")
    inside = observed["day"].between(pd.Timestamp(FIRST), pd.Timestamp(LAST))
    weeks = {
        pd.Timestamp(str(night)).date(): week.reset_index(drop=True)
        for night, week in observed[inside].groupby(sunday[inside])
    }
    return {"observed": weeks, "scheduled": {night: _build_schedule(week) for night, week in weeks.items()}}


def _build_schedule(week: pd.DataFrame) -> pd.DataFrame:
    """What is known a week ahead: which days there will be, Monday being 1."""
    return week[["day"]].assign(days_ahead=week["day"].dt.day_of_week.astype("int64") + 1)


@cache
def _find_file() -> Path:
    spec = find_spec("vega_datasets")
    if spec is None or not spec.submodule_search_locations:
        raise BadConfig("the package vega_datasets is not installed here: install it to seed the daily highs model")
    return Path(spec.submodule_search_locations[0]) / "_data" / "seattle-weather.csv"


def _read_observations() -> pd.DataFrame:
    """The file of the package. Its own import would read the descriptions of all the others."""
    read = pd.read_csv(_find_file()).rename(columns={"date": "day"})
    return read.assign(day=pd.to_datetime(read["day"], format="%Y/%m/%d").dt.as_unit("ms"))


def shift_dates(frame: pd.DataFrame, days: int) -> pd.DataFrame:
    """A partition with its days `days` later."""
    return frame.assign(day=frame["day"] + pd.Timedelta(days=days).as_unit("ms")) if days else frame


def corrupt(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A week as a broken upstream would leave it, and a sentence for each thing altered."""
    lacking = frame.iloc[:-1].copy()
    lacking["temp_max"] = (lacking["temp_max"] * 9 / 5 + 32).round(1)
    altered = [
        "the week's last day is missing",
        f"temp_max of all {len(lacking)} days is in degrees Fahrenheit",
        "the first day is there twice",
    ]
    return pd.concat([lacking, lacking.head(1)], ignore_index=True), altered
