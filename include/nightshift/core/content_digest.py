"""The content digest of a table: a SHA-256 over its typed values, whatever files, order and encoding they come in.

Equal are tables with the same columns and the same rows, each as often, in any order. How values are stored does not
count: the order of columns, the width of integers and floats, dictionaries, the scale of decimals, the unit of
timestamps (in UTC), -0.0 and 0.0, the bits of a NaN. What they are does: a null is no NaN and no empty text, an
integer no float, and a local timestamp no instant.

The rows are sorted by all columns, then the bytes of each column are hashed: no sum over rows, which could be forged.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_

FORMAT = "1"
"""Changes when the digest of the same rows would."""
LENGTH = 32
SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Canonical:
    """One column in the one form that its values have: 64-bit integers, text or bytes. `kind`: what they mean."""

    name: str
    kind: str
    values: pa.Array


def compute_digest(table: pa.Table) -> str:
    """The content digest: 32 hexadecimal digits."""
    columns = [_make_canonical(name, table[name].combine_chunks()) for name in sorted(table.column_names)]
    order = _sort_rows([column.values for column in columns], table.num_rows)
    hashed = hashlib.sha256(json.dumps([FORMAT, table.num_rows, len(columns)]).encode())
    for column in columns:
        hashed.update(json.dumps([column.name, column.kind]).encode())
        for part in _list_bytes(column.values.take(order)):
            hashed.update(part)
    return hashed.hexdigest()[:LENGTH]


def _sort_rows(columns: list[pa.Array], rows: int) -> pa.Array:
    """The order of the rows by a number made from all of them, and where it is the same by the values themselves."""
    mixed = np.zeros(rows, dtype=np.uint64)
    for column in columns:
        mixed = (mixed ^ _make_numbers(column)) * SPREAD
        mixed ^= mixed >> np.uint64(29)
    keys = {"mixed": pa.array(mixed), **{str(number): column for number, column in enumerate(columns)}}
    sortable = {name: keys[name] for name in keys if not is_.is_null(keys[name].type)}
    return pc.sort_indices(pa.table(sortable), sort_keys=[(name, "ascending") for name in sortable])


def _make_numbers(column: pa.Array) -> "np.ndarray[Any, np.dtype[np.uint64]]":
    """A number per value that tells most values apart: equal values have equal numbers."""
    if is_.is_null(column.type):
        return np.zeros(len(column), dtype=np.uint64)
    if is_.is_integer(column.type):
        filled = pc.fill_null(column, pa.scalar(0, column.type))
        return np.asarray(filled).view(np.uint64)
    return _sample_text(pc.fill_null(column, pa.scalar(b"" if is_.is_large_binary(column.type) else "", column.type)))


def _sample_text(column: pa.Array) -> "np.ndarray[Any, np.dtype[np.uint64]]":
    """Length, first and last bytes of each text as one number."""
    starts, data = _find_offsets(column), _find_data(column)
    lengths = np.diff(starts)
    padded = np.concatenate([np.frombuffer(data, dtype=np.uint8), np.zeros(8, dtype=np.uint8)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 8)
    at_end = np.maximum(starts[1:] - 8, starts[:-1])
    mixed = lengths.astype(np.uint64)
    for place, size in ((starts[:-1], np.minimum(lengths, 8)), (at_end, np.minimum(lengths, 8))):
        number = np.ascontiguousarray(windows[place]).view("<u8").ravel()
        shift = ((8 - size) * 8).astype(np.uint64)
        masked = np.where(size > 0, (number << np.minimum(shift, np.uint64(63))), np.uint64(0))
        mixed = (mixed ^ masked) * SPREAD
    return mixed


def _find_offsets(column: pa.Array) -> "np.ndarray[Any, np.dtype[np.int64]]":
    buffer = column.buffers()[1]
    if buffer is None or len(column) == 0:
        return np.zeros(1, dtype=np.int64)
    return np.frombuffer(buffer, dtype=np.int64)[column.offset : column.offset + len(column) + 1]


def _find_data(column: pa.Array) -> memoryview:
    buffer = column.buffers()[2]
    return memoryview(b"") if buffer is None else memoryview(buffer)


def _list_bytes(column: pa.Array) -> Iterator[bytes | memoryview]:
    """The bytes of a column's values, from which they could be made again: which are null, lengths, values."""
    yield np.packbits(np.asarray(column.is_null())).tobytes() if column.null_count else b"-"
    if is_.is_null(column.type):
        return
    if is_.is_integer(column.type):
        yield np.ascontiguousarray(np.asarray(pc.fill_null(column, pa.scalar(0, column.type)))).data.cast("B")
        return
    filled = pc.fill_null(column, pa.scalar(b"" if is_.is_large_binary(column.type) else "", column.type))
    starts = _find_offsets(filled)
    yield np.diff(starts).astype(np.int64).tobytes()
    yield _find_data(filled)[int(starts[0]) : int(starts[-1])]


def _make_canonical(name: str, column: pa.Array) -> Canonical:
    kind = column.type
    if is_.is_null(kind):
        return Canonical(name, "null", column)
    if is_.is_boolean(kind):
        return Canonical(name, "boolean", column.cast(pa.int64()))
    if is_.is_integer(kind):
        return _make_integers(name, column)
    if is_.is_floating(kind):
        return Canonical(name, "float", _make_float_bits(column.cast(pa.float64())))
    if is_.is_string(kind) or is_.is_large_string(kind):
        return Canonical(name, "text", column.cast(pa.large_string()))
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind):
        return Canonical(name, "bytes", column.cast(pa.large_binary()))
    if is_.is_decimal(kind):
        return Canonical(name, "decimal", _make_decimal_text(column))
    if is_.is_temporal(kind) and not is_.is_interval(kind):
        return _make_instants(name, column)
    return Canonical(name, "nested", _make_nested_text(column))


def _make_integers(name: str, column: pa.Array) -> Canonical:
    try:
        return Canonical(name, "integer", column.cast(pa.int64()))
    except pa.ArrowInvalid:
        return Canonical(name, "large integer", column)


def _make_float_bits(column: pa.Array) -> pa.Array:
    """The bits of each float as an integer, with one zero and one NaN."""
    nulls = np.asarray(column.is_null())
    values = np.asarray(pc.fill_null(column, pa.scalar(0.0))) + 0.0
    values[np.isnan(values)] = np.nan
    return pa.array(values.view(np.int64), mask=nulls)


def _make_decimal_text(column: pa.Array) -> pa.Array:
    if column.type.scale < 0:
        column = column.cast(pa.decimal256(76, 0))
    text = column.cast(pa.string()).cast(pa.large_string())
    whole = pc.replace_substring_regex(text, r"(\.[0-9]*[1-9])0+$", r"\1")
    return pc.replace_substring_regex(whole, r"\.0*$", "")


def _make_instants(name: str, column: pa.Array) -> Canonical:
    """Times as whole microseconds; as nanoseconds where these say more, in their own unit where it reaches further."""
    kind = column.type
    if is_.is_date(kind):
        return _make_instants(name, _cast_days(column))
    family, zone = ("timestamp", kind.tz) if is_.is_timestamp(kind) else (str(kind).split("[")[0].rstrip("3264"), None)
    meaning = family if zone is None else f"instant {zone}"
    plain = pa.timestamp if is_.is_timestamp(kind) else pa.duration if is_.is_duration(kind) else _make_time
    target = plain("us") if zone is None else pa.timestamp("us", zone)
    for unit, instant_type in (("us", target), (kind.unit, kind)):
        try:
            counted = column.cast(instant_type)
            width = pa.int32() if counted.type.bit_width == 32 else pa.int64()
            return Canonical(name, f"{meaning} {unit}", counted.cast(width).cast(pa.int64()))
        except pa.ArrowInvalid:
            continue
    raise AssertionError(f"{kind} is not cast to itself")


def _cast_days(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return column.cast(pa.timestamp("s"))


def _make_time(unit: str) -> pa.DataType:
    return pa.time64(unit)


def _make_nested_text(column: pa.Array) -> pa.Array:
    return pa.array([None if value is None else _describe(value) for value in column.to_pylist()], pa.large_string())


def _describe(value: Any) -> str:
    """A nested value as text that no other value has. Fields of a struct stand by name."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_describe(name)}:{_describe(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_describe, value)) + "]"
    if isinstance(value, float):
        return repr(value + 0.0)
    if isinstance(value, Decimal):
        return f"decimal {value.normalize()}"
    return repr(value)
