"""Answers, as Great Expectations would, what is expected of statistics of numbers that a double would round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nightshift.adapters.gx.expectations import exact_statistics as exact
from nightshift.adapters.gx.expectations.families import Number, parse_number

QUANTILES = "expect_column_quantile_values_to_be_between"
SCORES = "expect_column_value_z_scores_to_be_less_than"
ROW_SUM = "expect_multicolumn_sum_to_equal"
COMPUTED = frozenset({*exact.STATISTICS, QUANTILES, SCORES, ROW_SUM})
Column = Sequence[Number | None]


@dataclass(frozen=True)
class Computed:
    """The answer: whether the expectation holds, and its result as Great Expectations would have it."""

    success: bool
    result: dict[str, Any]


def compute(kind: str, kwargs: Mapping[str, Any], columns: Sequence[Column]) -> Computed:
    """The answer to an expectation of a kind in `COMPUTED`. `columns`: its columns, of the rows that it is about."""
    if kind == ROW_SUM:
        return _compute_row_sums(kwargs, columns)
    numbers = [number for number in columns[0] if number is not None]
    if kind == SCORES:
        return _compute_scores(kwargs, numbers, len(columns[0]))
    if kind == QUANTILES:
        return _compute_quantiles(kwargs, numbers)
    value = exact.STATISTICS[kind](numbers)
    return Computed(is_between(value, kwargs), {"observed_value": None if value is None else float(value)})


def is_between(value: Number | None, kwargs: Mapping[str, Any]) -> bool:
    """Whether a statistic lies within the bounds of an expectation. What does not exist does not."""
    if value is None:
        return False
    low, high = parse_number(kwargs.get("min_value")), parse_number(kwargs.get("max_value"))
    above = low is None or (value > low if kwargs.get("strict_min") else value >= low)
    below = high is None or (value < high if kwargs.get("strict_max") else value <= high)
    return above and below


def _compute_quantiles(kwargs: Mapping[str, Any], numbers: Sequence[Number]) -> Computed:
    ranges = kwargs["quantile_ranges"]
    how = kwargs.get("allow_relative_error") or "nearest"
    shares = [parse_number(share) or 0 for share in ranges["quantiles"]]
    values = [exact.compute_quantile(numbers, Decimal(share), how) for share in shares]
    bounds = [dict(zip(("min_value", "max_value"), pair, strict=True)) for pair in ranges["value_ranges"]]
    holds = all(is_between(value, bound) for value, bound in zip(values, bounds, strict=True))
    shown = [None if value is None else float(value) for value in values]
    return Computed(holds, {"observed_value": {"quantiles": ranges["quantiles"], "values": shown}})


def _compute_scores(kwargs: Mapping[str, Any], numbers: Sequence[Number], rows: int) -> Computed:
    threshold = parse_number(kwargs["threshold"])
    scores = exact.compute_scores(numbers)
    far = [abs(score) if kwargs.get("double_sided") else score for score in scores]
    unexpected = sum(threshold is None or score >= threshold for score in far)
    return _count(unexpected, rows, rows - len(numbers), kwargs)


def _compute_row_sums(kwargs: Mapping[str, Any], columns: Sequence[Column]) -> Computed:
    """A row with a null has no sum; which rows count at all is said by `ignore_row_if`."""
    total, rows = parse_number(kwargs["sum_total"]), list(zip(*columns, strict=True))
    counted = [row for row in rows if not _is_ignored(row, kwargs.get("ignore_row_if"))]
    sums = [None if None in row else exact.compute_sum([n for n in row if n is not None]) for row in counted]
    return _count(
        sum(row_sum is None or row_sum != total for row_sum in sums), len(rows), len(rows) - len(counted), kwargs
    )


def _is_ignored(row: Sequence[Number | None], rule: str | None) -> bool:
    if rule == "never":
        return False
    missing = [number is None for number in row]
    return any(missing) if rule == "any_value_is_missing" else all(missing)


def _count(unexpected: int, rows: int, missing: int, kwargs: Mapping[str, Any]) -> Computed:
    counted = rows - missing
    mostly = kwargs.get("mostly", 1)
    share = 100 * unexpected / counted if counted else 0.0
    result = {
        "element_count": rows,
        "unexpected_count": unexpected,
        "unexpected_percent": share,
        "unexpected_percent_nonmissing": share,
        "unexpected_percent_total": 100 * unexpected / rows if rows else 0.0,
        "missing_count": missing,
        "missing_percent": 100 * missing / rows if rows else 0.0,
    }
    return Computed(not counted or (counted - unexpected) / counted >= mostly, result)
