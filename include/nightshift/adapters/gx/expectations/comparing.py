"""How each expectation is checked, so that no type of a column makes it say something false.

Great Expectations compares as pandas does: a decimal with a double, an integer beyond 2**53 with its neighbour, a date
with a text. So here an expectation that compares values takes one of these routes:

| values | route |
|---|---|
| numbers that a double would round, where order or equality is asked | `Run` over their ranks |
| the same, where a statistic is asked | `Compute` in decimals |
| dates and times | `Run` with the suite's texts as instants; `Refused` where only one side has a time zone |
| nested, bytes, times of day, durations, values of several types | `Refused` |
| everything else, and expectations that compare nothing | `Run` as it is |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from nightshift.adapters.gx.expectations.computing import COMPUTED
from nightshift.adapters.gx.expectations.families import (
    Family,
    Number,
    find_family,
    is_beyond_float,
    make_plain,
    parse_number,
)
from nightshift.adapters.gx.expectations.instants import convert_instants
from nightshift.adapters.gx.expectations.ranking import rank

Expectation = Mapping[str, Any]

MOST_COMMON = "expect_column_most_common_value_to_be_in_set"
TYPES = frozenset(
    {
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_be_in_type_list",
        "expect_column_type_to_be",
    }
)
ORDERED = frozenset(
    {
        "expect_column_values_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_max_to_be_between",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_not_be_in_set",
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        MOST_COMMON,
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_decreasing",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_multicolumn_values_to_be_equal",
        "expect_select_column_values_to_be_unique_within_record",
    }
)
SHAPES = frozenset(
    {
        "expect_column_kl_divergence_to_be_less_than",
        "expect_column_values_to_not_be_outliers",
    }
)
"""Expectations about a distribution, for which fifteen digits do."""
CONSTANTS = ("min_value", "max_value", "value_set", "value_pairs_set", "sum_total", "threshold", "quantile_ranges")
DIGITS_IN_FLOAT = 15
CANNOT = "the values are of a type that this check cannot compare"
NO_ZONE = (
    "the column has no time zone and the suite compares it with an instant that has one: use the parameters night and "
    "first_day, or dates without a zone, or deliver instants with a zone"
)
NO_ZONE_IN_SUITE = (
    "the column has a time zone and the suite compares it with a date or time that has none: use the parameters "
    "day_begin and day_end, or write the zone"
)


@dataclass(frozen=True)
class Run:
    """Great Expectations checks `expectation` over `frame` with the columns `added`."""

    expectation: Expectation
    frame: pd.DataFrame
    added: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Compute:
    """`computing.compute` answers, from the numbers in these columns; `frame` is for a condition on rows."""

    expectation: Expectation
    columns: tuple[Sequence[Number | None], ...]
    frame: pd.DataFrame


@dataclass(frozen=True)
class Refused:
    """Why the expectation cannot be checked."""

    reason: str


Route = Run | Compute | Refused


class Comparison:
    """The routes of a suite's expectations over one table."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._families: dict[str, Family] = {}
        self._numbers: dict[str, list[Number | None]] = {}
        self._ranked = 0

    def choose(self, expectation: Expectation) -> Route:
        """The route of one expectation. Columns that are not there are Great Expectations' to tell."""
        kind, kwargs = expectation["type"], expectation["kwargs"]
        names = _find_columns(kwargs)
        if not self._frame.columns.is_unique or not set(names) <= set(self._frame.columns):
            return Run(expectation, self._frame)
        if kind in TYPES:
            return Run(self._name_type(expectation, names), self._frame)
        families = {self._find_family(name) for name in names}
        if kind in ORDERED | COMPUTED and "other" in families:
            return Refused(CANNOT)
        if "instant" in families and kind in ORDERED:
            return self._compare_instants(expectation, names)
        is_exact = "exact" in families or any(is_beyond_float(c) for c in _find_constants(kwargs))
        numeric = families <= {"exact", "number", "nothing"}
        if is_exact and kind in SHAPES:
            return Run(expectation, self._approximate) if self._is_exact_as_float(names) else Refused(CANNOT)
        if is_exact and kind in ORDERED | COMPUTED and numeric:
            return self._compare_exactly(expectation, names)
        if "exact" in families and kind in ORDERED | COMPUTED:
            return Refused(CANNOT)
        return Run(expectation, self._approximate if kwargs.get("row_condition") else self._plain)

    @cached_property
    def _plain(self) -> pd.DataFrame:
        """The table without encodings."""
        plain = {name: make_plain(self._frame[name]) for name in self._frame.columns}
        changed = {name: column for name, column in plain.items() if column.dtype != self._frame[name].dtype}
        return self._frame.assign(**changed) if changed else self._frame

    @cached_property
    def _approximate(self) -> pd.DataFrame:
        """The table with doubles in place of decimals, for conditions on rows and for distributions."""
        large = [name for name in self._frame.columns if self._find_family(name) == "exact"]
        doubles = {name: [None if n is None else float(n) for n in self._convert_to_numbers(name)] for name in large}
        columns = {name: pd.Series(v, index=self._frame.index, dtype="float64") for name, v in doubles.items()}
        return self._plain.assign(**columns) if columns else self._plain

    def _find_family(self, name: str) -> Family:
        if name not in self._families:
            self._families[name] = find_family(self._plain[name])
        return self._families[name]

    def _convert_to_numbers(self, name: str) -> list[Number | None]:
        if name not in self._numbers:
            self._numbers[name] = [parse_number(value) for value in self._plain[name].astype(object)]
        return self._numbers[name]

    def _is_exact_as_float(self, names: Sequence[str]) -> bool:
        numbers = (number for name in names for number in self._convert_to_numbers(name) if number is not None)
        return all(len(Decimal(number).normalize().as_tuple().digits) <= DIGITS_IN_FLOAT for number in numbers)

    def _name_type(self, expectation: Expectation, names: Sequence[str]) -> Expectation:
        """The expectation with a type's name as Great Expectations knows it, where it is the column's very type.

        A dictionary of texts is text as well: how values are encoded is no difference between them.
        """
        kwargs, dtype = dict(expectation["kwargs"]), self._frame[names[0]].dtype
        known = {str(dtype)}
        if isinstance(dtype, pd.CategoricalDtype):
            known |= {str(dtype.categories.dtype), dtype.categories.dtype.type.__name__}
        if kwargs.get("type_") in known:
            kwargs["type_"] = dtype.type.__name__
        if known & set(kwargs.get("type_list") or ()):
            kwargs["type_list"] = [*kwargs["type_list"], dtype.type.__name__]
        return {**expectation, "kwargs": kwargs}

    def _compare_instants(self, expectation: Expectation, names: Sequence[str]) -> Route:
        instants = {name for name in names if self._find_family(name) == "instant"}
        zones = {self._plain[name].dt.tz is not None for name in instants}
        written = convert_instants(expectation["kwargs"], names, instants)
        if written is None or (
            expectation["type"] == MOST_COMMON and True in zones
        ):  # where the library loses the zone
            return Refused(CANNOT)
        if len(zones | written.zones) > 1:
            return Refused(NO_ZONE if False in zones else NO_ZONE_IN_SUITE)
        return Run({**expectation, "kwargs": written.kwargs}, self._plain)

    def _compare_exactly(self, expectation: Expectation, names: Sequence[str]) -> Route:
        kwargs = expectation["kwargs"]
        if kwargs.get("row_condition") and not self._is_exact_as_float(self._find_named(kwargs["row_condition"])):
            return Refused(CANNOT)
        if expectation["type"] in ORDERED:
            ranked = rank(
                expectation, {name: self._convert_to_numbers(name) for name in names}, self._name_ranks(names)
            )
            return Refused(CANNOT) if ranked is None else Run(ranked[0], self._approximate, ranked[1])
        return Compute(expectation, tuple(self._convert_to_numbers(name) for name in names), self._approximate)

    def _name_ranks(self, names: Sequence[str]) -> dict[str, str]:
        """A name of its own for each column of ranks: each expectation has others."""
        self._ranked += 1
        taken = " " * max(len(str(name)) for name in self._frame.columns)  # longer than any column's own name
        return {name: f"rank {self._ranked} of {name}{taken}" for name in names}

    def _find_named(self, condition: Any) -> list[str]:
        """The columns of decimals that a condition on rows may be about."""
        return [name for name in self._frame.columns if self._find_family(name) == "exact" and name in str(condition)]


def _find_columns(kwargs: Mapping[str, Any]) -> list[str]:
    named = [kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs]
    return [*named, *(kwargs.get("column_list") or ())]


def _find_constants(value: Any, fields: Sequence[str] = CONSTANTS) -> list[Any]:
    """Every constant that an expectation compares with, however deep it stands."""
    if isinstance(value, Mapping):
        constants = [value[field] for field in fields if field in value] if fields else list(value.values())
        return [constant for item in constants for constant in _find_constants(item, ())]
    if isinstance(value, list | tuple):
        return [constant for item in value for constant in _find_constants(item, ())]
    return [value]
