"""Features of the shops model."""

from collections.abc import Mapping
from datetime import date

import pandas as pd


def labels(facts: pd.DataFrame) -> pd.Series:
    """1.0 where the shop sold out, NaN where it stayed closed."""
    return facts["sold_out"].where(facts["opened"]).astype("float64").rename("label")


def slices(scheduled: pd.DataFrame) -> pd.DataFrame:
    """North or south."""
    return pd.DataFrame({"region": scheduled["region"].astype("str")}, index=scheduled.index)


def features(scheduled: pd.DataFrame, history: Mapping[str, pd.DataFrame], day: date) -> pd.DataFrame:
    """The plan, and how often each shop sold out in the nights before."""
    past = history["sales"]
    recent = past.groupby("shop")["sold_out"].mean() if len(past) else pd.Series(dtype="float64")
    return pd.DataFrame(
        {
            "hour": scheduled["hour"].astype("float64"),
            "stock": scheduled["stock"].astype("float64"),
            "recent": scheduled["shop"].map(recent).astype("float64"),
            "weekday": float(day.weekday()),
        },
        index=scheduled.index,
    )
