"""The content digest: the same for the same rows however they are stored, another for any other rows."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.core.content_digest import compute_digest

NAN = float("nan")
DAY = datetime(2013, 2, 9, 5, tzinfo=UTC).replace(tzinfo=None)
LOCAL = pa.timestamp("ms")


def of(values: Any, kind: pa.DataType | None = None) -> str:
    """The digest of a table of one column."""
    return compute_digest(pa.table({"c": pa.array(values, kind)}))


@pytest.mark.parametrize(
    ("left", "other"),
    [
        (([1, 2, None], pa.int8()), ([None, 2, 1], pa.int64())),
        (([1], pa.uint64()), ([1], pa.int64())),
        (([0.0, NAN], pa.float64()), ([NAN, -0.0], pa.float32())),
        ((["", "ab", None, "a"], pa.string()), (["a", "ab", "", None], pa.large_string())),
        (([b"ab"], pa.binary()), ([b"ab"], pa.binary(2))),
        (([Decimal("9.90"), Decimal("100")], pa.decimal128(9, 2)), ([100, Decimal("9.9")], pa.decimal256(50, 4))),
        (([Decimal("100")], pa.decimal128(3, -1)), ([Decimal("100")], pa.decimal128(3, 0))),
        (([DAY], LOCAL), ([DAY], pa.timestamp("ns"))),
        (([date(2013, 2, 9)], pa.date32()), ([DAY.replace(hour=0)], pa.timestamp("us"))),
        (([time(1, 2)], pa.time32("s")), ([time(1, 2)], pa.time64("ns"))),
        (([timedelta(1)], pa.duration("s")), ([timedelta(1)], pa.duration("us"))),
        (([[1, None], [2]], pa.list_(pa.int8())), ([[2], [1, None]], pa.large_list(pa.int64()))),
    ],
)
def test_the_storage_of_a_value_does_not_count(left: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    assert of(*left) == of(*other)


@pytest.mark.parametrize(
    ("left", "other"),
    [
        (([1], pa.int64()), ([1.0], pa.float64())),
        (([None, 1.0], pa.float64()), ([NAN, 1.0], pa.float64())),
        (([None], pa.string()), ([""], pa.string())),
        ((["ab", "c"], pa.string()), (["a", "bc"], pa.string())),
        ((["a"], pa.string()), ([b"a"], pa.binary())),
        (([2**53], pa.int64()), ([2**53 + 1], pa.int64())),
        (([2**63], pa.uint64()), ([-(2**63)], pa.int64())),
        (([Decimal("100")], pa.decimal128(3, 0)), ([Decimal("10")], pa.decimal128(3, 0))),
        (([1], pa.timestamp("ns")), ([0], pa.timestamp("ns"))),
        (([DAY], LOCAL), ([DAY], pa.timestamp("ms", "UTC"))),
        (([1, 1, 2], pa.int64()), ([1, 2, 2], pa.int64())),
        (([True], pa.bool_()), ([1], pa.int64())),
        (([[1], [2, 3]], pa.list_(pa.int64())), ([[1, 2], [3]], pa.list_(pa.int64()))),
    ],
)
def test_another_value_is_another_digest(left: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    assert of(*left) != of(*other)


def mixed(rows: int) -> pa.Table:
    """A table with nulls, repeated rows and texts that begin alike."""
    generator = np.random.default_rng(7)
    few = generator.integers(0, 5, rows)
    return pa.table(
        {
            "id": few,
            "name": pa.array([f"a rather long beginning {n % 3}" for n in few], mask=few == 4),
            "x": pa.array(generator.integers(0, 3, rows) / 3, mask=few == 1),
            "at": pa.array(few * 1_000_000, pa.timestamp("us", "UTC")),
            "on": generator.random(rows) < 0.5,
        }
    )


def test_order_of_rows_and_columns_and_the_files_do_not_count() -> None:
    table = mixed(500)
    shuffled = table.take(pa.array(np.random.default_rng(8).permutation(500))).select(table.column_names[::-1])
    parts = pa.concat_tables([shuffled.slice(0, 3), shuffled.slice(3, 200), shuffled.slice(203)])
    assert compute_digest(parts) == compute_digest(table)
    assert len(compute_digest(table)) == 32


def test_values_that_change_their_row_are_another_digest() -> None:
    table = mixed(500)
    turned = table.set_column(0, "id", pa.chunked_array([np.roll(table["id"].to_numpy(), 1)]))
    assert compute_digest(turned) != compute_digest(table)


def test_the_digest_of_a_table_is_fixed() -> None:
    """Records hold these digests for years: another digest of the same rows needs another `FORMAT`."""
    table = pa.table({"b": [1, None], "a": ["x", "yy"]})
    assert compute_digest(table) == "9cc660c0635675a699c9087b24c5fc29"
