"""The features, the label and the slices of the flights model.

Everything about a flight comes from two places: its row in the schedule of the day, and what had happened by the end of
the evening before. The framework hands over nothing later, and a test alters everything later to prove that no feature
moves.
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd

LATE_MINUTES = 15
ORIGINS = ("EWR", "JFK", "LGA")
CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
ENGINES = ("Turbo-fan", "Turbo-jet", "Turbo-prop", "Turbo-shaft", "Reciprocating", "4 Cycle")
UNSEEN = -1.0
# A group counts as if it held this many flights more, late as often as all flights were: small groups say little.
PRIOR_FLIGHTS = 20.0
EVENING = 1800
SATURDAY = 5
# Groups of flights of which is a feature how much more often than others they were late: name, columns, nights back.
RATES: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("carrier_late_3", ("carrier",), 3),
    ("carrier_late_14", ("carrier",), 14),
    ("origin_late_1", ("origin",), 1),
    ("origin_hour_late_14", ("origin", "hour"), 14),
    ("dest_late_3", ("dest",), 3),
    ("dest_late_14", ("dest",), 14),
    ("flight_late_14", ("carrier", "flight"), 14),
)
FACTS = ("night", "carrier", "flight", "origin", "dest", "hour", "sched_dep_time", "arr_delay")
WEATHER = ("night", "origin", "wind_speed", "precip", "visib")


def labels(facts: pd.DataFrame) -> pd.Series:
    """1.0 for a flight that arrived more than 15 minutes late, else 0.0; NaN for cancelled and diverted ones."""
    late = (facts["arr_delay"] > LATE_MINUTES).astype("float64")
    return late.where(facts["arr_delay"].notna()).rename("label")


def slices(scheduled: pd.DataFrame) -> pd.DataFrame:
    """The groups in which a challenger must not get worse: the airport of departure."""
    return pd.DataFrame({"origin": scheduled["origin"].astype("str")}, index=scheduled.index)


def features(scheduled: pd.DataFrame, history: Mapping[str, pd.DataFrame], day: date) -> pd.DataFrame:
    """One row of floats per scheduled flight of `day`, in the same order; NaN where nothing is known."""
    facts = _select_recent(history["flights"], FACTS, day)
    weather = _select_recent(history["weather"], WEATHER, day)
    known = (
        _make_plan_features(scheduled),
        _make_rate_features(scheduled, facts),
        _make_yesterday_features(scheduled, facts),
        _make_weather_features(scheduled, weather),
    )
    columns = {name: values for part in known for name, values in part.items()}
    return pd.DataFrame(columns, index=scheduled.index).astype("float64")


def _select_recent(frame: pd.DataFrame, needed: tuple[str, ...], day: date) -> pd.DataFrame:
    """The columns needed, with `age`: how many nights before `day` a row is. An empty history has no columns."""
    columns = frame.reindex(columns=list(needed))
    return columns.assign(age=(pd.Timestamp(day) - pd.to_datetime(columns["night"])).dt.days)


def _encode(values: pd.Series, known: tuple[str, ...]) -> pd.Series:
    """The position of each value among those known; one that is not, or is missing, is `UNSEEN`."""
    return values.map({value: float(code) for code, value in enumerate(known)}).astype("float64").fillna(UNSEEN)


def _convert_to_minutes(clock: pd.Series) -> pd.Series:
    """A clock time such as 1359 as minutes after midnight."""
    return clock // 100 * 60 + clock % 100


def _make_plan_features(scheduled: pd.DataFrame) -> dict[str, object]:
    departs, arrives = (
        _convert_to_minutes(scheduled["sched_dep_time"]),
        _convert_to_minutes(scheduled["sched_arr_time"]),
    )
    return {
        "departs": departs,
        "arrives": arrives,
        "planned_minutes": (arrives - departs) % (24 * 60),
        "distance": scheduled["distance"],
        "saturday": pd.to_datetime(scheduled["night"]).dt.day_of_week == SATURDAY,
        "origin": _encode(scheduled["origin"], ORIGINS),
        "carrier": _encode(scheduled["carrier"], CARRIERS),
        "plane_year": scheduled["plane_year"],
        "plane_seats": scheduled["plane_seats"],
        "plane_engine": _encode(scheduled["plane_engine"], ENGINES),
        "departures_that_hour": scheduled.groupby(["origin", "hour"])["flight"].transform("size"),
    }


def _make_rate_features(scheduled: pd.DataFrame, facts: pd.DataFrame) -> dict[str, object]:
    """By how much more often than all flights those of the same group arrived late in the nights before.

    Against all flights of the same nights, not against none: a bad week is bad for everyone, and says little of the
    next day. A group that did not fly counts as any other, 0.
    """
    arrived = facts.assign(label=labels(facts)).dropna(subset="label")
    rates: dict[str, object] = {}
    for name, columns, nights in RATES:
        recent = arrived[arrived["age"] <= nights]
        late = recent["label"] - recent["label"].mean()
        group = late.groupby([recent[column] for column in columns])
        more = group.sum() / (group.count() + PRIOR_FLIGHTS)
        groups = pd.MultiIndex.from_frame(scheduled[list(columns)]) if columns[1:] else scheduled[columns[0]]
        rates[name] = more.reindex(groups).fillna(0.0).to_numpy()
    return rates


def _make_yesterday_features(scheduled: pd.DataFrame, facts: pd.DataFrame) -> dict[str, object]:
    """How the evening before ended at the same airport."""
    last = facts[facts["age"] == 1]
    evening = last[last["sched_dep_time"] >= EVENING].groupby("origin")["arr_delay"].mean()
    return {"evening_delay_1": scheduled["origin"].map(evening)}


def _make_weather_features(scheduled: pd.DataFrame, weather: pd.DataFrame) -> dict[str, object]:
    """The weather of the day before at the same airport."""
    by = weather[weather["age"] == 1].groupby("origin")
    measurements = {"wind_1": by["wind_speed"].mean(), "rain_1": by["precip"].sum(), "visib_1": by["visib"].min()}
    return {name: scheduled["origin"].map(values) for name, values in measurements.items()}
