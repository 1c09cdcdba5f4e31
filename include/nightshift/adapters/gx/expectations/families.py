"""What kind of values a column holds and a suite compares with, so that only like is compared with like."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import numpy as np
import pandas as pd

Family = Literal["number", "exact", "text", "boolean", "instant", "other", "nothing"]
Number = int | Decimal
EXACT_IN_FLOAT = 2**53
"""From here on a double no longer tells neighbouring integers apart."""


def find_family(column: pd.Series) -> Family:
    """The family of a column's values. `exact`: numbers that a double would round; `other`: nested values, bytes, times
    of day, durations, values of several types; `nothing`: all are null.
    """
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(dtype):
        return "exact" if _is_large(column) else "number"
    if pd.api.types.is_float_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "instant"
    if pd.api.types.is_object_dtype(dtype):
        return _find_family_of_objects(column)
    return "text" if pd.api.types.is_string_dtype(dtype) else "other"


def _is_large(column: pd.Series) -> bool:
    values = column.dropna()
    return len(values) > 0 and max(abs(int(values.min())), abs(int(values.max()))) >= EXACT_IN_FLOAT


def _find_family_of_objects(column: pd.Series) -> Family:
    types = {type(value) for value in column[~column.isna()]}
    if not types:
        return "nothing"
    if types <= {Decimal, int}:
        return "exact"
    if types == {bool}:
        return "boolean"
    return "text" if types == {str} else "other"


def parse_number(value: Any) -> Number | None:
    """A number as it is written: `0.1` is a tenth, in whatever type it comes. None for null and for what is no number.

    A double is taken for the shortest decimal that reads as it: that is what a suite or a file meant.
    """
    if value is None or value is pd.NA or isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, Decimal):
        return None if value.is_nan() else value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return _parse_decimal(str(value))
    return _parse_decimal(repr(value) if isinstance(value, float) else value)


def _parse_decimal(text: Any) -> Decimal | None:
    try:
        number = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        return None
    return None if number is None or number.is_nan() else number


def is_beyond_float(constant: Any) -> bool:
    """Whether a double would round a constant of a suite."""
    if isinstance(constant, Decimal):
        return True
    return isinstance(constant, int) and not isinstance(constant, bool) and abs(constant) >= EXACT_IN_FLOAT


def parse_instant(constant: Any) -> pd.Timestamp | None:
    """A constant of a suite as an instant: a date or time as ISO 8601, or a parameter. None when it is none."""
    if not isinstance(constant, str | date | datetime):
        return None
    try:
        instant = pd.Timestamp(constant)
    except ValueError:
        return None
    return None if pd.isna(instant) else instant


def make_plain(column: pd.Series) -> pd.Series:
    """A column without encoding: categories become values, short floats the doubles that are written like them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return make_plain(column.astype(column.cat.categories.dtype))
    if pd.api.types.is_float_dtype(column.dtype) and column.dtype in ("float32", "float16"):
        return pd.Series(column.to_numpy().astype(str).astype("float64"), index=column.index, name=column.name)
    return column
