"""One Parquet file as a table: with the columns and values that are in it, or refused by column.

No message quotes a value, an exception of Arrow, or the file's name: `where` is what the caller calls the file.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightshift.errors import DataRejected
from nightshift.lake.partitions import FIXED

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
UNNAMED_LEVEL = re.compile(r"\A__index_level_[0-9]+__\Z")
BROKEN = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError)
"""What Arrow raises about bytes that are no Parquet file, or damaged."""
SHOWN = 60


def show(column: object) -> str:
    """A column's name as messages have it: printable and short."""
    text = "".join(letter if letter.isprintable() else "?" for letter in str(column))
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def decode(data: bytes, where: str) -> pa.Table:
    """The rows of one file, in its own types. What pandas stored as an index comes back as columns, if it has a name.

    Raises `DataRejected` naming `where` when the file is damaged, repeats a column's name, or holds what cannot be
    read exactly.
    """
    file = _decode(where, data, lambda: pq.ParquetFile(io.BytesIO(data), coerce_int96_timestamp_unit="us"))
    names = _decode(where, data, lambda: list(file.schema_arrow.names))
    _require_distinct(names, where)
    table: pa.Table = _decode(where, data, lambda: file.read(use_threads=False))
    _require_valid(table, where)
    exact = _read_int96_exactly(file, table, data, where)
    return _restore_index(exact, _read_pandas_metadata(table.schema), where).replace_schema_metadata(None)


def _decode(where: str, data: bytes, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except BROKEN:
        raise DataRejected(f"{where} is not a readable Parquet file: {_diagnose(data)}; {FIXED}") from None


def _diagnose(data: bytes) -> str:
    """What is wrong with bytes that Arrow does not read."""
    if not data:
        return "it is empty (0 bytes)"
    size = f"{len(data)} bytes"
    if data[:4] == ENCRYPTED:
        return f"it is encrypted ({size})"
    if data[:4] != MAGIC:
        packed = " and is packed with gzip" if data[:2] == b"\x1f\x8b" else ""
        return f"it does not begin as one{packed} ({size})"
    if data[-4:] != MAGIC:
        return f"its end is missing, as if it were half written ({size})"
    return f"it is damaged ({size})"


def _require_distinct(names: list[str], where: str) -> None:
    repeated = [f"{show(name)} stands there {count} times" for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataRejected(f"{where} repeats a column's name: {', '.join(repeated)}; write it with distinct names")


def _require_valid(table: pa.Table, where: str) -> None:
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowException:
            why = "text that is not UTF-8, or damaged values" if _has_text(column.type) else "damaged values"
            raise DataRejected(f"{where}: column {show(name)} ({column.type}) holds {why}; {FIXED}") from None


def _has_text(kind: pa.DataType) -> bool:
    return any(name in str(kind) for name in ("string", "utf8"))


def _read_int96_exactly(file: pq.ParquetFile, table: pa.Table, data: bytes, where: str) -> pa.Table:
    """The table with microseconds in columns of the old type INT96; nanoseconds where these say more."""
    physical = [file.schema.column(number) for number in range(len(file.schema.names))]
    old = [column.path for column in physical if column.physical_type == "INT96" and column.path in table.column_names]
    if not old:
        return table
    fine = _decode(where, data, lambda: pq.ParquetFile(io.BytesIO(data)).read(columns=old, use_threads=False))
    for name in old:
        table = _set(table, name, _choose_unit(table[name], fine[name], f"{where}: column {show(name)}"))
    return table


def _choose_unit(micro: pa.ChunkedArray, nano: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    # Nanoseconds of 64 bits wrap outside of 1677 to 2262; microseconds drop the last three digits.
    inside = pc.less(pc.abs(micro.cast(pa.int64())), pa.scalar(9_223_372_036_854_775))
    digits = pc.subtract(nano.cast(pa.int64()), pc.multiply(pc.divide(nano.cast(pa.int64()), 1000), 1000))
    if not pc.any(pc.and_(pc.not_equal(digits, 0), inside)).as_py():
        return micro
    if pc.all(inside).as_py():
        return nano
    raise DataRejected(
        f"{where} holds INT96 timestamps with nanoseconds and years that nanoseconds do not reach: "
        "write it as timestamps of microseconds"
    )


def _read_pandas_metadata(schema: pa.Schema) -> Mapping[str, Any]:
    try:
        metadata = schema.pandas_metadata
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _restore_index(table: pa.Table, metadata: Mapping[str, Any], where: str) -> pa.Table:
    """The table with the named levels of a pandas index as columns, and without the others."""
    titles = {c.get("field_name"): c.get("name") for c in metadata.get("columns") or () if isinstance(c, dict)}
    for level in metadata.get("index_columns") or ():
        if isinstance(level, dict):
            table = _add_range(table, level, where)
        elif isinstance(level, str) and UNNAMED_LEVEL.match(level) and level in table.column_names:
            title = titles.get(level)
            others = [name for name in table.column_names if name != level]
            _require_distinct([*others, *([] if title is None else [str(title)])], where)
            table = table.drop_columns([level]) if title is None else table.rename_columns({level: str(title)})
    return table


def _add_range(table: pa.Table, level: Mapping[str, Any], where: str) -> pa.Table:
    """The table with a RangeIndex, which pandas stores as three numbers, as a column; without a name it is no data."""
    name = level.get("name")
    if name is None or level.get("kind") != "range":
        return table
    _require_distinct([*table.column_names, str(name)], where)
    try:
        numbers = range(level["start"], level["stop"], level["step"])
    except (KeyError, TypeError, ValueError):
        numbers = range(0)
    if len(numbers) != table.num_rows:
        raise DataRejected(
            f"{where}: its index {show(name)} has {len(numbers)} values for {table.num_rows} rows; {FIXED}"
        )
    return table.append_column(str(name), pa.array(numbers, pa.int64()))


def _set(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)
