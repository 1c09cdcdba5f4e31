"""Every type that lakes hold is read exactly, or refused by column and type; files that differ are widened exactly."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.errors import DataRejected
from nightshift.lake.parquet_file import decode
from nightshift.lake.to_pandas import make_frame
from nightshift.lake.unify_types import combine_tables


def local(year: int) -> datetime:
    """A time without a zone."""
    return datetime(year, 2, 9, tzinfo=UTC).replace(tzinfo=None)


BIG = 2**53 + 1
HUGE = 2**63 + 1
DAY = local(2013)
FOLDER = "s3://lake/facts/date=2013-02-09/"
BROKEN_TEXT = pa.Array.from_buffers(pa.string(), 2, pa.array([b"secret", b"\xff\xfe"], pa.binary()).buffers())


def stored(table: pa.Table, **options: Any) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def reread(*columns: pa.Array, **options: Any) -> "pd.Series":
    """One column, written to a file for each array and read as a partition is."""
    files = [decode(stored(pa.table({"c": column}), **options), f"file {n}") for n, column in enumerate(columns)]
    return make_frame(combine_tables(files, FOLDER), FOLDER)["c"]


def values(column: "pd.Series") -> list[Any]:
    return [None if value is None or value is pd.NA or value != value else value for value in column.tolist()]


@pytest.mark.parametrize(
    ("given", "kind", "dtype"),
    [
        ([BIG, None], pa.int64(), "Int64"),
        ([BIG, 2], pa.int64(), "int64"),
        ([HUGE, None], pa.uint64(), "UInt64"),
        ([HUGE, 2], pa.uint64(), "uint64"),
        ([7, None], pa.int8(), "Int64"),
        ([True, None], pa.bool_(), "boolean"),
        ([True, False], pa.bool_(), "bool"),
        (["a", None], pa.string(), "str"),
        (["a", None], pa.dictionary(pa.int8(), pa.string()), "str"),
        ([BIG, None], pa.dictionary(pa.int8(), pa.int64()), "Int64"),
        ([Decimal("9.99"), None], pa.decimal128(10, 2), "object"),
        ([Decimal(10**40) + 1, None], pa.decimal256(50, 0), "object"),
        ([0.5, None], pa.float32(), "float32"),
        ([b"a", None], pa.binary(), "object"),
        ([None, None], pa.null(), "object"),
        ([None, None], pa.string(), "str"),
        ([None, None], pa.int64(), "Int64"),
    ],
)
def test_values_beside_nulls_stay_what_they_are(given: list[Any], kind: pa.DataType, dtype: str) -> None:
    actual = reread(pa.array(given, kind))
    assert values(actual) == given
    assert str(actual.dtype) == dtype


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (pa.list_(pa.int64()), [BIG, None]),
        (pa.struct([("n", pa.int64())]), {"n": BIG}),
        (pa.map_(pa.string(), pa.int64()), [("k", BIG), ("l", None)]),
        (pa.struct([("l", pa.list_(pa.int64()))]), {"l": [BIG, None]}),
    ],
)
def test_integers_inside_of_nested_values_stay_exact(kind: pa.DataType, given: Any) -> None:
    assert reread(pa.array([given, None], kind)).tolist()[0] == given


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([pa.array([1], pa.int32()), pa.array([BIG], pa.int64())], [1, BIG]),
        ([pa.array([1], pa.int64()), pa.array([HUGE], pa.uint64())], [1, HUGE]),
        ([pa.array([None], pa.null()), pa.array([BIG], pa.int64())], [None, BIG]),
        ([pa.array(["a"]), pa.array([], pa.int64())], ["a"]),
        ([pa.array([1.5], pa.float32()), pa.array([0.1], pa.float64())], [1.5, 0.1]),
        ([pa.array([2], pa.int64()), pa.array([0.5], pa.float64())], [2.0, 0.5]),
        ([pa.array(["a"]), pa.array(["b", None], pa.large_string())], ["a", "b", None]),
        ([pa.array(["a"]).dictionary_encode(), pa.array(["b"])], ["a", "b"]),
        (
            [pa.array([Decimal("9.99")], pa.decimal128(10, 2)), pa.array([Decimal("0.125")], pa.decimal128(38, 3))],
            [Decimal("9.99"), Decimal("0.125")],
        ),
        ([pa.array([Decimal("9.99")], pa.decimal128(10, 2)), pa.array([BIG])], [Decimal("9.99"), Decimal(BIG)]),
        ([pa.array([DAY], pa.timestamp("ns")), pa.array([local(9999)])], [DAY, local(9999)]),
        ([pa.array([DAY.date()]), pa.array([DAY], pa.timestamp("us"))], [DAY, DAY]),
        ([pa.array([timedelta(1)], pa.duration("s")), pa.array([timedelta(1)])], [timedelta(1), timedelta(1)]),
    ],
)
def test_types_that_differ_by_file_are_widened_exactly(columns: Sequence[pa.Array], expected: list[Any]) -> None:
    assert values(reread(*columns)) == expected


def test_zones_that_differ_by_file_become_utc_and_one_zone_stays() -> None:
    utc, york = (pa.array([DAY], pa.timestamp("us", zone)) for zone in ("UTC", "America/New_York"))
    assert reread(utc, york).tolist() == [DAY.replace(tzinfo=UTC)] * 2
    assert str(reread(york).dtype) == "datetime64[us, America/New_York]"
    assert str(reread(pa.array([DAY], pa.timestamp("ms", "Etc/UTC"))).dtype) == "datetime64[ms, UTC]"


@pytest.mark.parametrize(
    ("columns", "types"),
    [
        ([pa.array([BIG]), pa.array([0.5])], "int64 in 1 and double in 1 of 2 files"),
        ([pa.array([-1]), pa.array([HUGE], pa.uint64())], "int64 in 1 and uint64 in 1 of 2 files"),
        ([pa.array([1]), pa.array(["a"]), pa.array(["b"])], "int64 in 1 and string in 2 of 3 files"),
        ([pa.array([True]), pa.array([1])], "bool in 1 and int64 in 1 of 2 files"),
        ([pa.array([Decimal("0.1")]), pa.array([0.1])], "decimal128(1, 1) in 1 and double in 1 of 2 files"),
        (
            [pa.array([DAY], pa.timestamp("us")), pa.array([DAY], pa.timestamp("us", "UTC"))],
            "timestamp[us] in 1 and timestamp[us, tz=UTC] in 1 of 2 files",
        ),
        (
            [pa.array([local(9999)]), pa.array([1], pa.timestamp("ns"))],
            "timestamp[us] in 1 and timestamp[ns] in 1 of 2 files",
        ),
    ],
)
def test_types_that_no_type_holds_exactly_are_refused_by_column(columns: Sequence[pa.Array], types: str) -> None:
    with pytest.raises(DataRejected) as caught:
        reread(*columns)
    assert f"column c is {types}" in str(caught.value)


def test_a_type_of_another_program_is_refused_by_column() -> None:
    with pytest.raises(DataRejected, match=r"column c is of the type pandas\.period"):
        reread(pa.array(pd.period_range("2013", "2014", freq="Y")))


def test_a_column_that_some_files_lack_is_refused_with_counts() -> None:
    files = [pa.table({"a": [1], "b": [2]}), pa.table({"a": [1]}), pa.table({"b": [2], "a": [1]})]
    with pytest.raises(DataRejected, match=r"b \(1 of 3 files lack it\)"):
        combine_tables(files, FOLDER)
    assert combine_tables(files[::2], FOLDER).to_pydict() == {"a": [1, 1], "b": [2, 2]}


@pytest.mark.parametrize("years", [(2013, 3013), (1500, 9999)])
def test_old_timestamps_of_96_bits_are_read_beyond_2262(years: tuple[int, ...]) -> None:
    given = [local(year) + timedelta(microseconds=678_901) for year in years]
    actual = reread(pa.array([*given, None], pa.timestamp("us")), use_deprecated_int96_timestamps=True)
    assert values(actual)[:2] == given


def test_nanoseconds_of_old_timestamps_are_kept() -> None:
    given = pa.array([1_234_567_890_123_456_789, None], pa.timestamp("ns"))
    actual = reread(given, use_deprecated_int96_timestamps=True)
    assert actual.astype("int64").tolist()[0] == 1_234_567_890_123_456_789


def test_dates_are_days() -> None:
    assert values(reread(pa.array([date(2013, 2, 9), None]))) == [pd.Timestamp("2013-02-09"), None]


FRAME = pd.DataFrame({"x": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.Index([BIG, 2], name="id"), {"x": [1.0, 2.0], "id": [BIG, 2]}),
        (pd.RangeIndex(4, 8, 2, name="id"), {"x": [1.0, 2.0], "id": [4, 6]}),
        (
            pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["shop", "hour"]),
            {"x": [1.0, 2.0], "shop": ["a", "b"], "hour": [1, 2]},
        ),
        (pd.RangeIndex(2), {"x": [1.0, 2.0]}),
        (pd.Index([7, 9]), {"x": [1.0, 2.0]}),
    ],
)
def test_an_index_that_pandas_wrote_comes_back_as_columns_if_it_has_a_name(
    index: pd.Index, expected: dict[str, Any]
) -> None:
    written = stored(pa.Table.from_pandas(FRAME.set_axis(index, axis=0)))
    assert decode(written, "it").to_pydict() == expected


@pytest.mark.parametrize(
    "table",
    [
        pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "a"]),
        pa.Table.from_pandas(pd.DataFrame({"a": [1, 2]}, index=pd.Index([3, 4], name="a"))),
    ],
)
def test_a_repeated_column_name_is_named(table: pa.Table) -> None:
    with pytest.raises(DataRejected, match="it repeats a column's name: a stands there 2 times"):
        decode(stored(table), "it")


@pytest.mark.parametrize(
    "column", [BROKEN_TEXT, BROKEN_TEXT.dictionary_encode(), pa.ListArray.from_arrays([0, 2], BROKEN_TEXT)]
)
def test_text_that_is_not_utf8_is_refused_without_quoting_it(column: pa.Array) -> None:
    with pytest.raises(DataRejected) as caught:
        reread(column)
    assert "column c" in str(caught.value)
    assert "not UTF-8" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


WHOLE = stored(pa.table({"c": np.arange(100)}))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it is empty"),
        (b"id,x\n1,2\n", "it does not begin as one"),
        (b"\x1f\x8b" + WHOLE, "packed with gzip"),
        (WHOLE[:-1], "its end is missing"),
        (WHOLE[:60], "its end is missing"),
        (WHOLE[:8] + bytes(40) + WHOLE[48:], "it is damaged"),
        (b"PARE" + WHOLE[4:-4] + b"PARE", "it is encrypted"),
    ],
)
def test_a_file_that_is_no_parquet_is_described(data: bytes, problem: str) -> None:
    with pytest.raises(DataRejected, match=problem) as caught:
        decode(data, "file 1 of 2")
    assert str(caught.value).startswith("file 1 of 2 is not a readable Parquet file")
    assert caught.value.__suppress_context__
