"""Takes everything out of a validation result that could be the value of a cell.

What stays is on a list: counts and shares, statistics over a whole column, names of columns and of types. A value of
any other kind is dropped, so that an expectation nobody thought of leaks nothing.
"""

import math
from html import escape
from typing import Any

import numpy as np
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)

from nightshift.adapters.gx.expectations.comparing import CANNOT, TYPES

COUNTS = (
    "element_count",
    "unexpected_count",
    "unexpected_percent",
    "unexpected_percent_total",
    "unexpected_percent_nonmissing",
    "missing_count",
    "missing_percent",
)
STATISTICS = frozenset(
    {
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_quantile_values_to_be_between",
        "expect_column_unique_value_count_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_kl_divergence_to_be_less_than",
    }
)
OF_VALUES = frozenset(
    {
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_sum_to_be_between",
    }
)
"""Statistics that are the value itself where there is one row."""
FEWEST_ROWS = 20
SCHEMA = frozenset(
    {
        "expect_table_columns_to_match_set",
        "expect_table_columns_to_match_ordered_list",
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_be_in_type_list",
        "expect_column_type_to_be",
    }
)


def make_harmless(result: ExpectationSuiteValidationResult, columns: set[str], rows: int) -> None:
    """Changes a result in place. `columns` are those of the table, to name the ones that are missing.

    `rows`: how many it has; a statistic of too few is a value.
    Times and identifiers go as well: the same check must give the same page.
    """
    for evr in result.results:
        evr.success = bool(evr.success)  # quantiles answer numpy.bool, which is no JSON
        evr.exception_info = _describe_exception(evr, columns)
        evr.result = _build_result(evr, rows)
    result.success = all(evr.success for evr in result.results)
    result.meta = {"batch_spec": {"data_asset_name": result.suite_name}}


def _build_result(evr: ExpectationValidationResult, rows: int) -> dict[str, Any]:
    raw = evr.result or {}
    counts = {name: _convert_number(raw[name]) for name in COUNTS if raw.get(name) is not None}
    observed = _select_observed_value(evr.expectation_config.type, raw.get("observed_value"), rows)
    return counts if observed is None else {**counts, "observed_value": observed}


def _select_observed_value(kind: str, value: Any, rows: int) -> Any:
    if kind in STATISTICS:
        if isinstance(value, dict):
            return _select_quantiles(value, rows)
        return _convert_number(value) if rows > 1 or kind not in OF_VALUES else None
    if kind in SCHEMA:
        return escape(", ".join(map(str, value)) if isinstance(value, list) else str(value)) if value else None
    return None


def _select_quantiles(value: dict[str, Any], rows: int) -> dict[str, list[Any]]:
    """The quantiles that are no single cell's: not the smallest and the largest, and none of a few rows."""
    shares = [_convert_number(share) or 0 for share in value.get("quantiles", ())]
    shown = [rows >= FEWEST_ROWS and min(share, 1 - share) * rows >= 1 for share in shares]
    values = [
        _convert_number(quantile) if show else None
        for quantile, show in zip(value.get("values", ()), shown, strict=False)
    ]
    return {"quantiles": shares, "values": values}


def _convert_number(value: Any) -> float | int | None:
    """A number as JSON knows it; None for anything else, NaN and infinity among it."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, (float, np.floating)) and math.isfinite(value):
        return round(float(value), 6)
    return None


def _describe_exception(evr: ExpectationValidationResult, columns: set[str]) -> dict[str, Any]:
    """Whether and why the check could not be made, without the message: it may quote a value."""
    info = evr.exception_info or {}
    infos = [info] if "raised_exception" in info else list(info.values())
    raised = any(exception_info.get("raised_exception") for exception_info in infos)
    message = info.get("reason") or _explain_missing_value(evr, columns) if raised else ""
    return {"raised_exception": raised, "exception_message": message, "exception_traceback": ""}


def _explain_missing_value(evr: ExpectationValidationResult, columns: set[str]) -> str:
    kwargs = evr.expectation_config.kwargs
    named = [kwargs.get(name) for name in ("column", "column_A", "column_B")] + list(kwargs.get("column_list", ()))
    missing = [str(name) for name in named if name is not None and name not in columns]
    if missing:
        return f"there is no column {', '.join(missing)}"
    if evr.expectation_config.type in TYPES:
        return "the suite names a type that is not known: use one such as int64, float64, str, bool or datetime64"
    return CANNOT
