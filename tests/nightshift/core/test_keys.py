"""The key of a dataset: what is refused, in which words, and what is only said."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.core.keys import CHECKS, KeyReport, check_key

CANARY = "Zyxwv-Canary-77"
NOON = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)
PARIS = NOON.astimezone(dt.timezone(dt.timedelta(hours=1)))


def _check(*values: Any, dtype: Any = None, **more: list[Any]) -> KeyReport:
    frame = pd.DataFrame({"id": pd.Series(list(values), dtype=dtype), **more})
    return check_key(frame, ["id", *more])


def _faults(report: KeyReport) -> dict[str, str]:
    return {fault.expectation: fault.sentence for fault in report.faults}


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["a", "b"], None),
        ([1, 2], "int64"),
        ([2**53, 2**53 + 1], "int64"),
        ([2**53, 2**53 + 1], "Int64"),
        ([2**64 - 1, 2**64 - 2], "uint64"),
        ([1.5, 2.5], "float64"),
        ([Decimal("1.0"), Decimal("1.1")], object),
        ([NOON, NOON + dt.timedelta(microseconds=1)], None),
        ([dt.time(1), dt.time(2)], object),
        ([dt.timedelta(1), dt.timedelta(2)], None),
        ([b"a", b"b"], object),
        (["a", "b"], "category"),
        ([True, False], None),
    ],
)
def test_keys_that_differ_pass(values: list[Any], dtype: Any) -> None:
    assert _check(*values, dtype=dtype) == KeyReport()


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["a", "b", "a"], None),
        ([2**53 + 1, 2**53, 2**53 + 1], "Int64"),
        ([0.0, 1.0, -0.0], "float64"),
        ([0.0, 1.0, -0.0], "float32"),
        ([Decimal("1.0"), Decimal("2"), Decimal("1.00")], object),
        ([Decimal("0"), Decimal("2"), Decimal("-0.0")], object),
        ([NOON, NOON + dt.timedelta(1), PARIS], object),
        (["a", "b", "a"], "category"),
        ([b"a", b"b", b"a"], object),
    ],
)
def test_a_repeated_key_is_refused_with_counts(values: list[Any], dtype: Any) -> None:
    (fault,) = _check(*values, dtype=dtype).faults
    assert (fault.expectation, fault.column) == ("key_is_unique", "id")
    assert fault.sentence == "id: no two rows may have the same key; 1 of 2 keys are repeated, in 2 of 3 rows"


def test_negative_zero_repeats_a_key_of_several_columns() -> None:
    assert set(_faults(_check(0.0, -0.0, shop=["a", "a"]))) == {"key_is_unique"}
    assert not _check(0.0, -0.0, shop=["a", "b"]).faults


def test_a_partition_that_was_delivered_twice_is_called_so() -> None:
    sentence = _faults(_check("a", "b", "a", "b"))["key_is_unique"]
    assert (
        "2 of 2 keys are repeated, in 4 of 4 rows: each stands there 2 times, was the partition delivered" in sentence
    )


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([None, "a", "b"], None),
        ([None, 1, 2], "Int64"),
        ([np.nan, 1.0, 2.0], "float64"),
        ([pd.NaT, pd.Timestamp(0), pd.Timestamp(1)], None),
        ([None, Decimal(1), Decimal(2)], object),
        ([None, "a", "b"], "category"),
        ([None, True, False], object),
    ],
)
def test_a_null_is_refused_with_counts(values: list[Any], dtype: Any) -> None:
    (fault,) = _check(*values, dtype=dtype).faults
    assert fault.expectation == "key_is_complete"
    assert fault.sentence.endswith("in each column of the key; 1 of 3 rows have none (33.3 %)")


def test_nulls_do_not_count_as_repeated() -> None:
    assert set(_faults(_check(None, None, "a"))) == {"key_is_complete"}
    assert set(_faults(_check(None, "a", "a"))) == {"key_is_complete", "key_is_unique"}
    assert [f.column for f in _check(None, "a", shop=["x", None]).faults] == ["id", "shop"]


def test_a_column_that_is_lacking_is_named_and_so_is_one_that_stands_there_twice() -> None:
    frame = pd.DataFrame({"id": ["a"], "x": [1]})
    (fault,) = check_key(frame, ["id", "day"]).faults
    assert fault.expectation == "key_columns_are_present"
    assert fault.sentence.endswith("there is no column day")
    twice = pd.DataFrame([[1, 2]], columns=["id", "id"])
    assert check_key(twice, ["id"]).faults[0].sentence.endswith("2 columns are called id")


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ([[CANARY], ["b"]], "nested values (list)"),
        ([{"a": CANARY}, {"a": "b"}], "nested values (dict)"),
        ([np.array([1]), np.array([2])], "nested values (ndarray)"),
        ([CANARY, 1], "values of several types (integers, text)"),
    ],
)
def test_a_key_that_cannot_be_compared_is_refused_by_column_and_type(values: list[Any], kinds: str) -> None:
    (fault,) = _check(*values, dtype=object).faults
    assert fault.expectation == "key_is_comparable"
    assert fault.sentence == f"id: a key must be text, numbers, dates or times; found {kinds}"


def test_spaces_and_case_are_said_and_no_failure() -> None:
    report = _check("shop1", "shop1 ", "SHOP1", "shop2")
    assert report.faults == ()
    assert report.remarks == (
        "id: 1 of 4 rows have a key with spaces before or after it",
        "id: 2 keys differ from another one only in case, or in spaces before or after it",
    )
    assert _check("a", "A", shop=["x", "y"]).remarks == ()
    assert _check("a", "A", shop=[1, 1]).remarks


def test_no_sentence_quotes_a_key() -> None:
    reports = [
        _check(CANARY, CANARY, None),
        _check(CANARY, f"{CANARY} "),
        _check([CANARY], [CANARY], dtype=object),
        _check(CANARY, 1, dtype=object),
    ]
    text = " ".join(str(report) for report in reports)
    assert "Canary" not in text
    assert all(name in text for name in CHECKS if name != "key_columns_are_present")


def test_without_a_key_nothing_is_checked() -> None:
    assert check_key(pd.DataFrame({"x": [1, 1]}), []) == KeyReport()
