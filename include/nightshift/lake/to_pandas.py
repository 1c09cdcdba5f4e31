"""A table as a pandas frame, exactly: no integer becomes a float because it stands beside a null."""

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.types as is_

from nightshift.errors import DataRejected
from nightshift.lake.parquet_file import show
from nightshift.lake.partitions import FIXED

BROKEN = (pa.ArrowException, ValueError, TypeError, OverflowError)


def make_frame(table: pa.Table, folder: str) -> pd.DataFrame:
    """The rows as a frame with a new index.

    Integers beside nulls are `Int64` or `UInt64`, booleans beside nulls `boolean`, decimals `decimal.Decimal`. Raises
    `DataRejected` naming the column that pandas cannot hold.
    """
    exact = [name for name in table.column_names if not _is_changed_by_pandas(table[name])]
    try:
        # All at once: column by column takes three times as long.
        frame = _convert_to_pandas(table.select(exact))
    except BROKEN:
        exact = []  # each by itself says which one it is
    if len(exact) == len(table.column_names):
        return frame
    columns = {name: frame[name] if name in exact else _convert(table, name, folder) for name in table.column_names}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), columns=table.column_names)


def _is_changed_by_pandas(column: pa.ChunkedArray) -> bool:
    """Whether pandas, left to itself, would round or replace values of a column."""
    nested = is_.is_nested(column.type) and _has_integers_beside_nulls(column.type, column)
    return bool(nested or _map_nullable_types(column))


def _convert(table: pa.Table, name: str, folder: str) -> "pd.Series":
    column = table[name]
    try:
        if is_.is_nested(column.type) and _has_integers_beside_nulls(column.type, column):
            return pd.Series(column.to_pylist(), dtype=object)
        # As a table and not as a column: only then is text without any value text.
        return _convert_to_pandas(table.select([name]), _map_nullable_types(column))[name]
    except BROKEN:
        raise DataRejected(f"{folder}: column {show(name)} ({column.type}) cannot be read exactly; {FIXED}") from None


def _convert_to_pandas(
    table: pa.Table, kinds: Mapping[pa.DataType, pd.api.extensions.ExtensionDtype] | None = None
) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(date_as_object=False, use_threads=False, types_mapper=(kinds or {}).get)
    return frame


def _map_nullable_types(column: pa.ChunkedArray) -> Mapping[pa.DataType, pd.api.extensions.ExtensionDtype]:
    """The pandas type that holds the column's nulls without changing its other values; empty for most."""
    if not column.null_count:
        return {}
    if column.type == pa.uint64():
        return {column.type: pd.UInt64Dtype()}
    if is_.is_integer(column.type):
        return {column.type: pd.Int64Dtype()}
    return {column.type: pd.BooleanDtype()} if is_.is_boolean(column.type) else {}


def _has_integers_beside_nulls(kind: pa.DataType, column: pa.ChunkedArray) -> bool:
    """Whether pandas would make floats of integers inside of the column's values."""
    is_list = is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind)
    if is_list and is_.is_integer(kind.value_type):
        return any(chunk.flatten().null_count for chunk in column.chunks)
    return _has_integers(kind)


def _has_integers(kind: pa.DataType) -> bool:
    if not is_.is_nested(kind):
        return bool(is_.is_integer(kind))
    return any(_has_integers(kind.field(number).type) for number in range(kind.num_fields))
