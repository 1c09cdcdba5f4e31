"""Partitions of several nights, one under the other, without a number that changes on the way."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nightshift.errors import DataRejected

EXACT = 2**53
"""The largest whole number up to which a float holds every one."""


def stack_frames(frames: Sequence[pd.DataFrame], subject: str) -> pd.DataFrame:
    """The rows of all frames. Raises `DataRejected` for a column of which pandas would round whole numbers.

    That happens where a column is of signed numbers in one night and unsigned ones, or fractions, in another.
    """
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    exact = {
        name: _find_exact_type([frame[name] for frame in frames if name in frame], str(name), subject) for name in names
    }
    changed = {name: kind for name, kind in exact.items() if kind is not None}
    return pd.concat([_convert_columns(frame, changed) for frame in frames], ignore_index=True)


def _convert_columns(frame: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    selected = {name: kind for name, kind in kinds.items() if name in frame}
    return frame.astype(selected) if selected else frame  # without a type to convert to, pandas would copy every column


def _find_exact_type(columns: Sequence["pd.Series[int]"], name: str, subject: str) -> str | None:
    """The type to convert a column to first, None where pandas finds one that is exact."""
    kinds = {column.dtype for column in columns}
    whole = [column for column in columns if pd.api.types.is_integer_dtype(column.dtype)]
    if len(kinds) < 2 or not whole:
        return None
    largest = max((abs(int(bound)) for column in whole for bound in _compute_bounds(column)), default=0)
    if any(pd.api.types.is_float_dtype(kind) for kind in kinds):
        if largest > EXACT:
            types = " and ".join(sorted(map(str, kinds)))
            raise DataRejected(f"column {name} of {subject} is {types} by night, which rounds it: land it as one type")
        return None
    if not any(pd.api.types.is_unsigned_integer_dtype(kind) for kind in kinds) or len(whole) < len(columns):
        return None
    return "Int64" if largest <= np.iinfo(np.int64).max else "object"


def _compute_bounds(column: "pd.Series[int]") -> list[int]:
    known = column.dropna()
    return [int(known.min()), int(known.max())] if len(known) else []
