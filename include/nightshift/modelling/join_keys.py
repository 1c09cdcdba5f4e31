"""Key columns, made comparable: refused where they cannot be, and exact where they can.

Nothing goes through a float. Of a refusal columns, types and counts are said, never a key.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nightshift.errors import DataRejected

NESTED = (list, dict, set, tuple, np.ndarray)
FAMILIES: Mapping[str, str] = {
    "string": "text",
    "empty": "nothing",
    "boolean": "true or false",
    "integer": "whole numbers",
    "floating": "floating-point numbers",
    "decimal": "decimals",
    "date": "dates",
    "time": "times",
    "bytes": "bytes",
    "timedelta": "durations",
    "timedelta64": "durations",
}
"""What pandas infers of an object column, and the family of types that it belongs to."""
REMEDY = "have it landed again, or take the night out of the lake"


def require_keys(frame: pd.DataFrame, key: Sequence[str], subject: str) -> None:
    """Raises `DataRejected` for a key column that is not there, has nulls or holds nested values.

    `what`: the table and its night, for people.
    """
    if lacking := [column for column in key if column not in frame]:
        raise DataRejected(f"{subject} lack the key columns {', '.join(lacking)}: {REMEDY}")
    nulls = {column: int(frame[column].isna().sum()) for column in key}
    if empty := [f"{count} of {len(frame)} rows have no {column}" for column, count in nulls.items() if count]:
        raise DataRejected(f"{subject} have null keys, which join nothing: {', '.join(empty)}; {REMEDY}")
    if odd := [
        f"{column} ({name_type(frame[column])})" for column in key if name_family(frame[column]) == "nested values"
    ]:
        raise DataRejected(f"{subject} have keys that hold nested values, which cannot be compared: {', '.join(odd)}")


def make_comparable(
    scheduled: pd.DataFrame, facts: pd.DataFrame, key: Sequence[str], night: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The key columns of both tables, numbered from 0 and of equal types.

    Raises `DataRejected` for a column whose types differ in kind, naming both.
    """
    pairs = []
    for column in key:
        scheduled_column, facts_column = _simplify(scheduled[column]), _simplify(facts[column])
        if name_family(scheduled_column) != name_family(facts_column):
            types = f"{name_type(scheduled[column])} in the schedule and {name_type(facts[column])} in the facts"
            why = f"{name_family(scheduled_column)} against {name_family(facts_column)}"
            raise DataRejected(f"the key column {column} of {night} is {types} ({why}): land both as one type")
        pairs.append(_unify(scheduled_column, facts_column))
    frames = (pd.DataFrame(dict(enumerate(side))) for side in zip(*pairs, strict=True))
    first, second = frames
    return first, second


def name_family(column: "pd.Series[Any]") -> str:
    """The family of types of a column: values of two families are never equal."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return name_family(column.cat.categories.to_series())
    if isinstance(kind, pd.DatetimeTZDtype):
        return "instants with a time zone"
    for belongs, family in _DTYPES:
        if belongs(kind):
            return family
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred in ("datetime", "datetime64"):
        zoned = getattr(column.dropna().iloc[0], "tzinfo", None) is not None
        return "instants with a time zone" if zoned else "timestamps without a time zone"
    if inferred not in FAMILIES and column.dropna().map(lambda value: isinstance(value, NESTED)).any():
        return "nested values"
    return FAMILIES.get(inferred, f"{inferred} values")


_DTYPES = (
    (pd.api.types.is_bool_dtype, "true or false"),
    (pd.api.types.is_integer_dtype, "whole numbers"),
    (pd.api.types.is_float_dtype, "floating-point numbers"),
    (pd.api.types.is_datetime64_any_dtype, "timestamps without a time zone"),
    (pd.api.types.is_timedelta64_dtype, "durations"),
    (lambda kind: isinstance(kind, pd.StringDtype), "text"),
)


def name_type(column: "pd.Series[Any]") -> str:
    """The type of a column for people: never a value, which the name of a categorical type would list."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return f"category of {column.cat.categories.dtype}"
    return name_family(column) if column.dtype == object else str(column.dtype)


def _simplify(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column without dictionary, zone and index."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC")
    return column.reset_index(drop=True)


def _unify(scheduled: "pd.Series[Any]", facts: "pd.Series[Any]") -> "tuple[pd.Series[Any], pd.Series[Any]]":
    """Two columns of one family in one type that holds the values of both exactly."""
    kinds = scheduled.dtype, facts.dtype
    if all(pd.api.types.is_integer_dtype(kind) for kind in kinds):
        return (
            (_convert_to_int64(scheduled), _convert_to_int64(facts))
            if _fit_int64(scheduled, facts)
            else _convert_to_objects(scheduled, facts)
        )
    if all(pd.api.types.is_bool_dtype(kind) for kind in kinds):
        return scheduled.astype("bool"), facts.astype("bool")
    if all(pd.api.types.is_float_dtype(kind) for kind in kinds):
        return scheduled.astype("float64"), facts.astype("float64")
    return (scheduled, facts) if kinds[0] == kinds[1] else _convert_to_objects(scheduled, facts)


def _fit_int64(*columns: "pd.Series[Any]") -> bool:
    return all(not len(column) or int(column.max()) <= np.iinfo(np.int64).max for column in columns)


def _convert_to_int64(column: "pd.Series[Any]") -> "pd.Series[Any]":
    return column.astype("int64")


def _convert_to_objects(*columns: "pd.Series[Any]") -> "tuple[pd.Series[Any], pd.Series[Any]]":
    first, second = (column.astype(object) for column in columns)
    return first, second
