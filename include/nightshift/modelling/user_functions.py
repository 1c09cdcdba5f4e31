"""A model's `features`, `labels` and `slices`, called with copies, and what they return checked and put in order.

A function gets copies whose rows carry an index of their own, which nothing else has (`FIRST_ROW`). What it returns is
put in the order of the rows by that index: sorted rows are harmless, and rows that were numbered anew (`reset_index`, a
merge, an array) are refused, because nobody can tell any more whose they are.
"""

import copy
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nightshift.core.metrics import Floats
from nightshift.definition import Model
from nightshift.errors import BadConfig
from nightshift.modelling.join_keys import NESTED, name_family, name_type
from nightshift.modelling.unusable_numbers import build_error, describe_infinite
from nightshift.user_code import get_function, load_part, place_of_function, translate_errors

FIRST_ROW = 1_000_000_000
"""Where the index of a copy begins. Rows that are numbered anew begin at 0, and then share no number with it."""
EXACT = 2**53
"""Below it a float holds every whole number."""
MISSING = "missing"
"""The group of a row whose slice has no value."""
NUMBERS = ("true or false", "whole numbers", "floating-point numbers", "decimals", "nothing")


class UserFunctions:
    """The functions of a model's features.py. Methods raise `BadConfig` with the function's file and line."""

    def __init__(self, model: Model) -> None:
        self._model, self._code = model, load_part(model, "features")

    def list_retired(self) -> list[str]:
        """Features that are still made for a champion that learnt from them, and that challengers no longer see."""
        names = getattr(self._code, "RETIRED", ())
        if not isinstance(names, tuple | list | set | frozenset) or not all(isinstance(name, str) for name in names):
            raise BadConfig(f"models/{self._model.name}/features.py: RETIRED must be a tuple of names of features")
        return list(names)

    def call_labels(self, facts: pd.DataFrame, day: date) -> Floats:
        """The label of each row of the facts, in their order; NaN where it is not known."""
        function, where = self._find_function("labels", day)
        given = copy_with_index(facts)
        with translate_errors(_describe_call("labels", day), function):
            returned = function(given)
        rows = _align_rows(returned, _number_rows(facts), (where, "a Series", "facts"), pd.Series)
        values = _convert_to_floats(rows, where)
        if count := int(np.isinf(values).sum()):
            named = describe_infinite({"the facts": facts})
            raise build_error(bool(named), f"{where} gives {count} infinite labels of {len(values)}{named}")
        if self._model.task == "classification" and (odd := int((~np.isin(values, (0, 1)) & ~np.isnan(values)).sum())):
            raise BadConfig(f"{where} must give 0, 1 or NaN: {odd} of {len(values)} labels are something else")
        return values

    def call_features(self, scheduled: pd.DataFrame, history: Mapping[str, pd.DataFrame], day: date) -> pd.DataFrame:
        """One row of floats per scheduled row, in their order and with their index; NaN where nothing is known."""
        function, where = self._find_function("features", day)
        given = copy_with_index(scheduled), {name: copy_deeply(frame) for name, frame in history.items()}
        with translate_errors(_describe_call("features", day), function):
            returned = function(*given, day)
        rows = _align_rows(returned, _number_rows(scheduled), (where, "a table", "scheduled"), pd.DataFrame)
        _require_names(rows, where)
        table = pd.DataFrame(
            {name: _convert_to_floats(rows[name], f"{where}, feature {name}") for name in rows}, scheduled.index
        )
        infinite = {name: int(np.isinf(table[name]).sum()) for name in table}
        if counts := [f"{name} in {count} of {len(table)} rows" for name, count in infinite.items() if count]:
            named = describe_infinite({"the scheduled rows": scheduled, **history})
            raise build_error(bool(named), f"{where} gives infinite features: {', '.join(counts)}{named}")
        return table

    def call_slices(self, scheduled: pd.DataFrame, day: date) -> dict[str, NDArray[np.str_]]:
        """The group of each scheduled row, in their order, for each slice that the gate names."""
        names = self._model.gate.slices
        if not names:
            return {}
        function, where = self._find_function("slices", day)
        given = copy_with_index(scheduled)
        with translate_errors(_describe_call("slices", day), function):
            returned = function(given)
        rows = _align_rows(returned, _number_rows(scheduled), (where, "a table", "scheduled"), pd.DataFrame)
        if lacking := [name for name in names if name not in rows]:
            raise BadConfig(f"{where} lacks a column for the gate's slices {', '.join(lacking)}")
        if twice := [name for name in names if isinstance(rows[name], pd.DataFrame)]:
            raise BadConfig(f"{where} must give one column for each slice: {', '.join(twice)} is there more than once")
        return {name: _convert_to_groups(rows[name]) for name in names}

    def _find_function(self, name: str, day: date) -> tuple[Callable[..., Any], str]:
        function = get_function(self._code, name)
        return function, f"{place_of_function(function)}: {_describe_call(name, day)}"


def copy_with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy for a user's function: its rows carry an index that nothing else has."""
    return copy_deeply(frame).set_axis(_number_rows(frame), axis=0)


def copy_deeply(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy that shares nothing with the frame, not even lists within cells."""
    copy_of_frame = frame.copy(deep=True)
    for position, kind in enumerate(copy_of_frame.dtypes):
        # Text has a type of its own, of kind O as well: looking through its cells would be most of a training's time.
        is_object = isinstance(kind, np.dtype) and kind.kind == "O"
        if is_object and any(isinstance(value, NESTED) for value in copy_of_frame.iloc[:, position]):
            column: Any = copy_of_frame.iloc[:, position].map(copy.deepcopy)
            copy_of_frame.isetitem(position, column)
    return copy_of_frame


def _describe_call(name: str, day: date) -> str:
    return f"{name}() for {day}"


def _number_rows(frame: pd.DataFrame) -> pd.RangeIndex:
    return pd.RangeIndex(FIRST_ROW, FIRST_ROW + len(frame))


def _align_rows(returned: Any, index: pd.RangeIndex, description: tuple[str, str, str], kind: type[Any]) -> Any:
    """What a function returned, in the order of the rows that it was given."""
    where, expected, rows = description
    remedy = f"return {expected} with the index of {rows}, as in {kind.__name__}(…, index={rows}.index)"
    if not isinstance(returned, kind):
        raise BadConfig(f"{where} returns {type(returned).__name__}: {remedy}")
    if len(returned) != len(index):
        raise BadConfig(f"{where} returns {len(returned)} rows for {len(index)} rows of {rows}: {remedy}")
    if not returned.index.is_unique or not index.isin(returned.index).all():
        raise BadConfig(f"{where} returns rows that are numbered anew, so that nobody knows whose they are: {remedy}")
    return returned.loc[index]


def _require_names(rows: pd.DataFrame, where: str) -> None:
    if not len(rows.columns):
        raise BadConfig(f"{where} returns no feature: return at least one column")
    if other := sorted({type(name).__name__ for name in rows.columns if not isinstance(name, str)}):
        raise BadConfig(f"{where} names features by {', '.join(other)}: name every one by text")
    if twice := sorted(set(rows.columns[rows.columns.duplicated()])):
        raise BadConfig(f"{where} returns more than one feature called {', '.join(twice)}: give each its own name")


def _convert_to_floats(column: "pd.Series[Any]", where: str) -> Floats:
    """A column as floats. Raises `BadConfig` for other than numbers, and for integers that a float would round."""
    if isinstance(column.dtype, pd.CategoricalDtype) or name_family(column) not in NUMBERS or _is_complex(column):
        raise BadConfig(f"{where} must return numbers, and not {name_type(column)}: turn it into numbers there")
    values = column.astype(object).where(column.notna(), np.nan) if column.dtype == object else column
    floats = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if name_family(column) == "whole numbers" and (count := int((np.abs(floats) >= EXACT).sum())):
        raise BadConfig(f"{where} has {count} integers beyond 2^53, which become other numbers as features or labels")
    return floats


def _is_complex(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_complex_dtype(column.dtype))


def _convert_to_groups(column: "pd.Series[Any]") -> NDArray[np.str_]:
    values = column.astype(object).where(column.notna(), MISSING)
    return values.to_numpy().astype(np.str_)
