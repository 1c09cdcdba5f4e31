"""The files of a partition as one table: types that differ by file are widened where that is exact, or refused."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.types as is_

from nightshift.errors import DataRejected
from nightshift.lake.parquet_file import show
from nightshift.lake.partitions import FIXED

UTC_NAMES = frozenset(
    {"utc", "etc/utc", "z", "zulu", "etc/zulu", "universal", "etc/universal", "+00:00", "-00:00", "gmt"}
)
UNITS = ("ns", "us", "ms", "s")
MOST_DIGITS = 76
ARROWS = "arrow."
"""How the names of the extensions begin that Arrow itself defines: their storage is what they mean."""


def combine_tables(tables: Sequence[pa.Table], folder: str) -> pa.Table:
    """One table of all rows, in the order of the files. Dictionaries become plain, aliases of UTC become UTC.

    Raises `DataRejected` naming the column when one file lacks it, or when its types do not fit together exactly.
    """
    # A file without rows changes nothing, whatever types a writer gave to columns of no values.
    filled = [table for table in tables if table.num_rows] or list(tables[:1])
    plain = [_make_plain(table, folder) for table in filled]
    names = list(dict.fromkeys(name for table in plain for name in table.column_names))
    _require_same_columns(plain, names, folder)
    return pa.table([_combine_column([table[name] for table in plain], name, folder) for name in names], names=names)


def _make_plain(table: pa.Table, folder: str) -> pa.Table:
    for field in table.schema:
        if isinstance(field.type, pa.BaseExtensionType) and not field.type.extension_name.startswith(ARROWS):
            raise DataRejected(
                f"{folder}: column {show(field.name)} is of the type {field.type.extension_name}, which other programs "
                "than the one that wrote it do not know; write it as numbers, text or timestamps"
            )
    fields = [pa.field(f.name, make_plain_type(f.type)) for f in table.schema]
    if all(old.type == new.type for old, new in zip(table.schema, fields, strict=True)):
        return table
    return table.cast(pa.schema(fields))


def make_plain_type(kind: pa.DataType) -> pa.DataType:
    """The type without what only says how it is stored: dictionaries, narrow offsets, storage of Arrow's extensions."""
    if is_.is_dictionary(kind):
        return make_plain_type(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name.startswith(ARROWS):
        return make_plain_type(kind.storage_type)
    if is_.is_string(kind) or is_.is_string_view(kind):
        return pa.large_string()
    if is_.is_binary(kind) or is_.is_binary_view(kind) or is_.is_fixed_size_binary(kind):
        return pa.large_binary()
    if is_.is_timestamp(kind) and kind.tz is not None and kind.tz.lower() in UTC_NAMES:
        return pa.timestamp(kind.unit, "UTC")
    if is_.is_decimal32(kind) or is_.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return kind


def _require_same_columns(tables: Sequence[pa.Table], names: Sequence[str], folder: str) -> None:
    lacking = {name: sum(name not in table.column_names for table in tables) for name in names}
    if gaps := [f"{show(name)} ({count} of {len(tables)} files lack it)" for name, count in lacking.items() if count]:
        raise DataRejected(
            f"the Parquet files of {folder} do not fit together: not every file has the columns {', '.join(gaps)}; "
            "write every file of a partition with the same columns"
        )


def _combine_column(columns: Sequence[pa.ChunkedArray], name: str, folder: str) -> pa.ChunkedArray:
    kinds = list(dict.fromkeys(column.type for column in columns))
    for target in kinds if len(kinds) == 1 else find_common_types(kinds):
        try:
            return pa.chunked_array([chunk for c in columns for chunk in c.cast(target).chunks], type=target)
        except (pa.ArrowException, ValueError):
            continue  # some value would not be the same: the next candidate
    counts = Counter(str(column.type).replace("large_", "") for column in columns)
    listed = " and ".join(f"{kind} in {count}" for kind, count in counts.items()) + f" of {len(columns)} files"
    raise DataRejected(
        f"the Parquet files of {folder} do not fit together: column {show(name)} is {listed}, which no type holds "
        f"exactly; write it with one type; {FIXED}"
    )


def find_common_types(kinds: Sequence[pa.DataType]) -> list[pa.DataType]:
    """Types that may hold every value of all these exactly, the best first; a cast still has to prove it."""
    some = [kind for kind in kinds if not is_.is_null(kind)]
    if len(some) == 1:
        return some
    if all(map(is_.is_integer, some)):
        return _find_integers(some)
    if all(is_.is_integer(kind) or is_.is_floating(kind) for kind in some):
        return [pa.float64()]
    if all(is_.is_integer(kind) or is_.is_decimal(kind) for kind in some):
        return _find_decimals(some)
    if all(is_.is_timestamp(kind) or is_.is_date(kind) for kind in some):
        return _find_timestamps(some)
    if all(map(is_.is_time, some)):
        return [pa.time64("ns"), pa.time64("us")]
    if all(map(is_.is_duration, some)):
        return [pa.duration(unit) for unit in _order_units(some)]
    return _find_nested(some)


def _find_integers(kinds: Sequence[pa.DataType]) -> list[pa.DataType]:
    if pa.uint64() not in kinds:
        return [pa.int64()]
    signed = any(map(is_.is_signed_integer, kinds))
    return [pa.int64(), pa.uint64()] if signed else [pa.uint64()]


def _find_decimals(kinds: Sequence[pa.DataType]) -> list[pa.DataType]:
    decimals = [kind for kind in kinds if is_.is_decimal(kind)]
    scale = max(0, *(kind.scale for kind in decimals))
    whole = max(kind.precision - kind.scale for kind in decimals)
    digits = max(whole, 20 if len(decimals) < len(kinds) else 0) + scale
    if digits > MOST_DIGITS:
        return []
    return [pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale)]


def _find_timestamps(kinds: Sequence[pa.DataType]) -> list[pa.DataType]:
    if all(map(is_.is_date, kinds)):
        return [pa.date32()]
    zones = {kind.tz if is_.is_timestamp(kind) else None for kind in kinds}
    if None in zones and len(zones) > 1:
        return []  # an instant and a local time are not the same thing
    zone = zones.pop() if len(zones) == 1 else "UTC"
    return [pa.timestamp(unit, zone) for unit in _order_units(kinds)]


def _order_units(kinds: Sequence[pa.DataType]) -> list[str]:
    """The finest unit of these types first, then what reaches further. Days count as seconds."""
    finest = min(UNITS.index(getattr(kind, "unit", "s")) for kind in kinds if not is_.is_date(kind))
    return list(UNITS[finest:])


def _find_nested(kinds: Sequence[pa.DataType]) -> list[pa.DataType]:
    """Lists whose items have a common type; other nested types have to be equal."""
    lists = (is_.is_list, is_.is_large_list, is_.is_fixed_size_list)
    if not all(any(check(kind) for check in lists) for kind in kinds):
        return []
    items = list(dict.fromkeys(make_plain_type(kind.value_type) for kind in kinds))
    return [pa.large_list(item) for item in (items if len(items) == 1 else find_common_types(items))]
