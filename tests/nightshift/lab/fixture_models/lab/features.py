"""Features of the lab model."""

from collections.abc import Mapping
from datetime import date

import pandas as pd


def labels(facts: pd.DataFrame) -> pd.Series:
    """The label as it was delivered."""
    return facts["y"].astype("float64")


def slices(scheduled: pd.DataFrame) -> pd.DataFrame:
    """Two halves of the night."""
    return pd.DataFrame({"half": (scheduled["x"] > 0).astype("str")}, index=scheduled.index)


def features(scheduled: pd.DataFrame, history: Mapping[str, pd.DataFrame], day: date) -> pd.DataFrame:  # noqa: ARG001
    """The one feature."""
    return scheduled[["x"]].astype("float64")
