"""Real nights of the record, as the lake holds them, and the check of one."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from models.flights import source
from nightshift.adapters.gx import suites
from nightshift.adapters.gx.expectations.checking import Checked, check
from nightshift.lake import tables

NIGHT = date(2013, 6, 14)
Checking = Callable[..., Checked]


def parameters(night: date, rows: tuple[int, int] = (588, 1372)) -> dict[str, Any]:
    begin = datetime(night.year, night.month, night.day, tzinfo=UTC)
    return {
        "night": begin.replace(tzinfo=None),
        "day_begin": begin - timedelta(hours=14),
        "day_end": begin + timedelta(hours=36),
        "rows_min": rows[0],
        "rows_max": rows[1],
    }


@pytest.fixture(scope="session")
def record() -> dict[str, dict[date, pd.DataFrame]]:
    """The partitions of the year, by dataset and day."""
    return {name: dict(days) for name, days in source.load_frames().items()}


@pytest.fixture(scope="session")
def partition(record: dict[str, dict[date, pd.DataFrame]]) -> Callable[..., pd.DataFrame]:
    """One partition as it comes back from Parquet."""

    def read(name: str, night: date = NIGHT) -> pd.DataFrame:
        table = tables.decode(tables.encode(record[name][night]), "here")
        frame: pd.DataFrame = table.to_pandas(date_as_object=False)
        return frame

    return read


@pytest.fixture(scope="session")
def checking() -> Checking:
    """Checks a frame against a shipped suite, as of a night."""

    def run(name: str, frame: pd.DataFrame, night: date = NIGHT, rows: tuple[int, int] | None = None) -> Checked:
        usual = (50, 94) if name == "weather" else (588, 1372)
        return check(suites.load(name), frame, parameters(night, rows or usual))

    return run
