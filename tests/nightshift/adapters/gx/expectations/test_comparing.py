"""Expectations over types that pandas compares wrongly: the answer is right, or that there is none is said."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from nightshift.adapters.gx.expectations.checking import Checked, check
from nightshift.adapters.gx.expectations.comparing import CANNOT, NO_ZONE, NO_ZONE_IN_SUITE
from nightshift.adapters.gx.suites import Suite

pytestmark = pytest.mark.filterwarnings("ignore:Series.values:Warning")  # the library, with pandas 3
BIG = 2**53
DAY = dt.datetime(2013, 1, 1)  # noqa: DTZ001 - as a lake has it: without a zone
FOURTH, LAST = DAY.replace(day=4), DAY.replace(day=5)
HOLDS, FAILS, REFUSED = "holds", "fails", "refused"
Case = tuple[str, dict[str, Any], str]


def _arrow(values: list[Any], kind: Any) -> pd.Series:
    frame: pd.DataFrame = pa.table({"c": pa.array(values, kind)}).to_pandas(date_as_object=False)
    return frame["c"]


def _decimals(*texts: str | None, kind: Any = None) -> pd.Series:
    numbers = [None if text is None else Decimal(text) for text in texts]
    return _arrow(numbers, kind or pa.decimal128(10, 2))


COLUMNS: dict[str, Callable[[], pd.Series]] = {
    "decimals": lambda: _decimals("9.99", "0.10"),
    "decimals beside a null": lambda: _decimals("9.99", "0.10", None),
    "decimals of a set": lambda: _decimals("0.20", "0.05"),
    "long decimals": lambda: _decimals("0.123456789012345678", "0.123456789012345679", kind=pa.decimal128(38, 18)),
    "tenths": lambda: _decimals("0.10", "0.10", "0.10"),
    "integers beside a null": lambda: pd.Series([1, 5, None], dtype="Int64"),
    "large integers beside a null": lambda: pd.Series([BIG + 1, 5, None], dtype="Int64"),
    "large integers": lambda: pd.Series([BIG + 1, 5], dtype="int64"),
    "unsigned integers": lambda: pd.Series([2**64 - 1, 5], dtype="uint64"),
    "short floats": lambda: pd.Series([0.1, 0.7, None], dtype="float32"),
    "a dictionary of texts": lambda: pd.Series(["a", "b", None], dtype="category"),
    "a dictionary of integers": lambda: pd.Series([1, 5, 1], dtype="category"),
    "booleans beside a null": lambda: _arrow([True, False, None], pa.bool_()),
    "dates": lambda: _arrow([DAY.date(), LAST.date(), None], pa.date32()),
    "instants without a zone": lambda: _arrow([DAY, LAST, None], pa.timestamp("us")),
    "instants": lambda: _arrow([DAY, LAST, None], pa.timestamp("us", "America/New_York")),
    "large texts": lambda: _arrow(["a", "b", None], pa.large_string()),
    "times of day": lambda: _arrow([dt.time(1), dt.time(5)], pa.time64("us")),
    "durations": lambda: _arrow([dt.timedelta(1), dt.timedelta(5)], pa.duration("us")),
    "lists": lambda: _arrow([[1], [5]], pa.list_(pa.int64())),
    "bytes": lambda: _arrow([b"a", b"b"], pa.binary()),
}


def _order(low: Any, high: Any, too_low: Any, answer: tuple[str, str] = (HOLDS, FAILS)) -> list[Case]:
    """Cases about order for a column from `low` to `high`; `too_low` lies below `high`."""
    yes, no = answer
    return [
        ("expect_column_values_to_be_between", {"min_value": low, "max_value": high}, yes),
        ("expect_column_values_to_be_between", {"min_value": low, "max_value": too_low}, no),
        ("expect_column_values_to_be_between", {"max_value": too_low, "mostly": 0.5}, yes),
        ("expect_column_values_to_be_between", {"max_value": high, "strict_max": True}, no),
        ("expect_column_values_to_be_between", {"min_value": low, "strict_min": True}, no),
        ("expect_column_min_to_be_between", {"min_value": low, "max_value": low}, yes),
        ("expect_column_max_to_be_between", {"min_value": high, "max_value": high}, yes),
        ("expect_column_max_to_be_between", {"max_value": too_low}, no),
        ("expect_column_max_to_be_between", {"max_value": high, "strict_max": True}, no),
    ]


def _sets(low: Any, high: Any, answer: tuple[str, str] = (HOLDS, FAILS)) -> list[Case]:
    """Cases about membership for a column that has two values."""
    yes, no = answer
    pairs = [[low, low], [high, high]]
    return [
        ("expect_column_values_to_be_in_set", {"value_set": [low, high]}, yes),
        ("expect_column_values_to_be_in_set", {"value_set": [low]}, no),
        ("expect_column_values_to_not_be_in_set", {"value_set": [low]}, no),
        ("expect_column_distinct_values_to_equal_set", {"value_set": [low, high]}, yes),
        ("expect_column_distinct_values_to_equal_set", {"value_set": [low]}, no),
        ("expect_column_distinct_values_to_contain_set", {"value_set": [high]}, yes),
        ("expect_column_distinct_values_to_be_in_set", {"value_set": [low, high]}, yes),
        ("expect_column_most_common_value_to_be_in_set", {"value_set": [low, high], "ties_okay": True}, yes),
        ("expect_column_pair_values_to_be_in_set", {"value_pairs_set": pairs}, yes),
        ("expect_column_pair_values_to_be_in_set", {"value_pairs_set": pairs[:1]}, no),
    ]


def _statistics(mean: Any, median: Any, total: Any, low: Any, high: Any) -> list[Case]:
    """Cases about statistics: each within bounds that leave no room."""
    quantiles = {"quantiles": [0.0, 1.0], "value_ranges": [[low, low], [high, high]]}
    return [
        ("expect_column_mean_to_be_between", {"min_value": mean, "max_value": mean}, HOLDS),
        ("expect_column_median_to_be_between", {"min_value": median, "max_value": median}, HOLDS),
        ("expect_column_sum_to_be_between", {"min_value": total, "max_value": total}, HOLDS),
        ("expect_column_sum_to_be_between", {"min_value": total, "strict_min": True}, FAILS),
        ("expect_column_quantile_values_to_be_between", {"quantile_ranges": quantiles}, HOLDS),
        ("expect_column_stdev_to_be_between", {"min_value": 0}, HOLDS),
        ("expect_column_value_z_scores_to_be_less_than", {"threshold": 9, "double_sided": True}, HOLDS),
    ]


def _types(*names: str, wrong: str = "float64") -> list[Case]:
    kind = "expect_column_values_to_be_of_type"
    return [(kind, {"type_": wrong}, FAILS), *((kind, {"type_": name}, HOLDS) for name in names)]


NEITHER = (REFUSED, REFUSED)
PAIRS: list[Case] = [
    ("expect_column_pair_values_to_be_equal", {}, HOLDS),
    ("expect_column_pair_values_a_to_be_greater_than_b", {"or_equal": True}, HOLDS),
    ("expect_column_pair_values_a_to_be_greater_than_b", {}, FAILS),
]
UNIQUE: list[Case] = [
    ("expect_column_values_to_be_unique", {}, HOLDS),
    ("expect_compound_columns_to_be_unique", {}, HOLDS),
    ("expect_select_column_values_to_be_unique_within_record", {}, FAILS),
    ("expect_column_unique_value_count_to_be_between", {"min_value": 2, "max_value": 2}, HOLDS),
]
FALLING: list[Case] = [
    ("expect_column_values_to_be_decreasing", {"strictly": True}, HOLDS),
    ("expect_column_values_to_be_increasing", {}, FAILS),
]
LARGE = [*_order(5, BIG + 1, BIG), *_sets(5, BIG + 1), *PAIRS, *UNIQUE]
TABLE: dict[str, list[Case]] = {
    "decimals": [
        *_order(0.1, 9.99, 9.98),
        *_sets(0.1, 9.99),
        *_sets("0.1", "9.990"),
        *_statistics(5.045, 5.045, 10.09, 0.1, 9.99),
        *PAIRS,
        *UNIQUE,
        *FALLING,
        *_types("Decimal", "object"),
        ("expect_multicolumn_sum_to_equal", {"sum_total": 10.09}, FAILS),
        ("expect_column_values_to_be_between", {"min_value": 1, "row_condition": 'col("c") > 1'}, HOLDS),
        ("expect_column_mean_to_be_between", {"min_value": 9.99, "row_condition": 'col("c") > 0.1'}, HOLDS),
        ("expect_column_values_to_be_in_set", {"value_set": ["cheap"]}, FAILS),
    ],
    "decimals beside a null": [
        *_order(0.1, 9.99, 9.98),
        *_sets(0.1, 9.99),
        *_statistics(5.045, 5.045, 10.09, 0.1, 9.99),
        ("expect_column_values_to_not_be_null", {}, FAILS),
    ],
    "decimals of a set": _sets(0.2, 0.05),
    "long decimals": [
        *_order("0.123456789012345678", "0.123456789012345679", "0.123456789012345678"),
        ("expect_column_values_to_be_between", {"min_value": 0.12, "max_value": 0.13}, HOLDS),
        *UNIQUE,
    ],
    "tenths": [
        *_statistics(0.1, 0.1, 0.3, 0.1, 0.1),
        ("expect_multicolumn_sum_to_equal", {"sum_total": 0.2}, HOLDS),
        ("expect_column_stdev_to_be_between", {"max_value": 0}, HOLDS),
    ],
    "integers beside a null": [
        *_order(1, 5, 4),
        *_sets(1, 5),
        *_statistics(3, 3, 6, 1, 5),
        *PAIRS,
        *_types("int64", "Int64"),
    ],
    "large integers beside a null": [*LARGE, *_types("int64", "Int64")],
    "large integers": [*LARGE, *FALLING, *_statistics(BIG // 2 + 3, BIG // 2 + 3, BIG + 6, 5, BIG + 1)],
    "unsigned integers": [*_order(5, 2**64 - 1, 2**64 - 2), *_sets(5, 2**64 - 1), *PAIRS, *UNIQUE, *_types("uint64")],
    "short floats": [*_order(0.1, 0.7, 0.6), *_sets(0.1, 0.7), *PAIRS, *UNIQUE, *_types("float32")],
    "a dictionary of texts": [*_sets("a", "b"), *PAIRS, *UNIQUE, *_types("category", "str")],
    "a dictionary of integers": [*_order(1, 5, 4), *_sets(1, 5), *PAIRS, *_types("category", "int64")],
    "booleans beside a null": [*_order(0, 1, 0), *_sets(True, False), *UNIQUE, *_types("bool")],
    "dates": [
        *_order("2013-01-01", "2013-01-05", "2013-01-04"),
        *_order(DAY, LAST, FOURTH),
        *_sets("2013-01-01", "2013-01-05"),
        *PAIRS,
        *UNIQUE,
        *_types("datetime64"),
        ("expect_column_values_to_be_between", {"min_value": 3}, REFUSED),
        ("expect_column_mean_to_be_between", {"min_value": 3}, REFUSED),
        ("expect_column_values_to_be_in_set", {"value_set": ["someday"]}, REFUSED),
    ],
    "instants without a zone": [
        *_order(DAY, LAST, FOURTH),
        *_sets("2013-01-01T00:00:00", "2013-01-05"),
    ],
    "instants": [
        *_order(DAY.replace(tzinfo=dt.UTC), "2013-01-05T00:00:00Z", "2013-01-04T00:00:00+00:00"),
        *(case for case in _sets("2013-01-01T00:00:00Z", "2013-01-05T01:00:00+01:00") if "most_common" not in case[0]),
        ("expect_column_most_common_value_to_be_in_set", {"value_set": ["2013-01-01T00:00:00Z"]}, REFUSED),
        *PAIRS,
    ],
    "large texts": [
        *_sets("a", "b"),
        *UNIQUE,
        *_types("str"),
        ("expect_column_values_to_be_between", {"min_value": 1}, REFUSED),
        ("expect_column_sum_to_be_between", {"min_value": 1}, REFUSED),
    ],
    "times of day": [*_sets("01:00:00", "05:00:00", NEITHER), *UNIQUE[:2]],
    "durations": [*_order(1, 5, 4, NEITHER), *_sets(1, 5, NEITHER)],
    "lists": [*_order(1, 5, 4, NEITHER), *_sets(1, 5, NEITHER)],
    "bytes": [*_sets("a", "b", NEITHER)],
}


def _expectation(kind: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    if "_pair_" in kind:
        columns: dict[str, Any] = {"column_A": "c", "column_B": "same", "ignore_row_if": "either_value_is_missing"}
    elif "compound" in kind or "multicolumn" in kind or "select" in kind:
        columns = {"column_list": ["c", "same"]}
    else:
        columns = {"column": "c"}
    parser = {"condition_parser": "great_expectations"} if "row_condition" in kwargs else {}
    return {"type": kind, "kwargs": {**columns, **kwargs, **parser}}


def _check(frame: pd.DataFrame, *expectations: dict[str, Any]) -> Checked:
    return check(Suite("odd", {"expectations": list(expectations)}, "0"), frame, {})


@pytest.mark.parametrize("column", TABLE)
def test_the_answer_is_right_or_that_there_is_none_is_said(column: str) -> None:
    values = COLUMNS[column]()
    cases = TABLE[column]
    numbered = [{**_expectation(kind, kwargs), "description": f"case {n}"} for n, (kind, kwargs, _) in enumerate(cases)]
    failures = _check(pd.DataFrame({"c": values, "same": values}), *numbered).failures
    actual = {failure.sentence.split("case ")[1].split(";")[0]: failure.sentence for failure in failures}
    wrong = []
    for number, (kind, kwargs, expected) in enumerate(cases):
        sentence = actual.get(str(number), "")
        answer = REFUSED if sentence.endswith(CANNOT) else FAILS if sentence else HOLDS
        if answer != expected:
            wrong.append(f"{kind} {kwargs}: {answer}, not {expected}")
    assert not wrong, "\n".join(wrong)


def test_a_column_without_a_zone_is_told_which_parameters_to_use() -> None:
    begin = DAY.replace(tzinfo=dt.UTC)
    between = _expectation("expect_column_values_to_be_between", {"min_value": begin})
    in_set = _expectation("expect_column_values_to_be_in_set", {"value_set": ["2013-01-01T00:00:00Z"]})
    failures = _check(pd.DataFrame({"c": COLUMNS["instants without a zone"]()}), between, in_set).failures
    assert [failure.sentence.endswith(NO_ZONE) for failure in failures] == [True, True]
    assert "night and first_day" in NO_ZONE


def test_a_column_with_a_zone_is_told_so_too() -> None:
    between = _expectation("expect_column_values_to_be_between", {"min_value": DAY})
    (failure,) = _check(pd.DataFrame({"c": COLUMNS["instants"]()}), between).failures
    assert failure.sentence.endswith(NO_ZONE_IN_SUITE)


def test_columns_of_different_types_are_compared_as_they_are_written() -> None:
    frame = pd.DataFrame({"c": COLUMNS["tenths"](), "same": [0.1, 0.1, 0.1]})
    pair = _expectation("expect_column_pair_values_to_be_equal", {})
    total = _expectation("expect_multicolumn_sum_to_equal", {"sum_total": 0.2})
    assert not _check(frame, pair, total).failures


def test_results_stand_in_the_order_of_the_suite_and_quote_it() -> None:
    frame = pd.DataFrame({"c": COLUMNS["decimals"](), "name": ["a", "b"]})
    kinds = [
        _expectation("expect_column_values_to_be_between", {"max_value": 0.1}),
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "name", "value_set": ["q"]}},
        _expectation("expect_column_mean_to_be_between", {"max_value": 1}),
        _expectation("expect_column_values_to_be_of_type", {"type_": "str"}),
    ]
    checked = _check(frame, *kinds)
    assert [failure.column for failure in checked.failures] == ["c", "name", "c", "c"]
    first, _, mean, _ = (failure.sentence for failure in checked.failures)
    assert first == "c: values must be less than or equal to 0.1; 1 of 2 rows do not (50.0 %)"
    assert mean.endswith("less than or equal to 1.0; found 5.045")
    assert "rank of" not in checked.body
    assert "nightshift_place" not in checked.body


def test_a_failed_sum_counts_its_rows() -> None:
    frame = pd.DataFrame({"c": COLUMNS["decimals beside a null"](), "same": COLUMNS["decimals"]().reindex(range(3))})
    total = _expectation("expect_multicolumn_sum_to_equal", {"sum_total": 19.98})
    (failure,) = _check(frame, total).failures
    assert failure.sentence.endswith("1 of 3 rows do not (50.0 %)")


def test_a_check_leaves_the_table_as_it_was() -> None:
    frame = pd.DataFrame({"c": COLUMNS["decimals"](), "f": COLUMNS["short floats"]()[:2]})
    before = frame.copy(deep=True)
    _check(frame, _expectation("expect_column_mean_to_be_between", {"max_value": 99}))
    pd.testing.assert_frame_equal(frame, before)
    assert isinstance(frame["c"].iloc[0], Decimal)
