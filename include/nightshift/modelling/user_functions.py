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
from nightshift.modelling.join_keys import NESTED, family_of, type_of
from nightshift.modelling.unusable_numbers import blamed, infinite_in
from nightshift.user_code import function_of, load_part, place_of_function, translate_errors

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

    def retired(self) -> list[str]:
        """Features that are still made for a champion that learnt from them, and that challengers no longer see."""
        found = getattr(self._code, "RETIRED", ())
        if not isinstance(found, tuple | list | set | frozenset) or not all(isinstance(name, str) for name in found):
            raise BadConfig(f"models/{self._model.name}/features.py: RETIRED must be a tuple of names of features")
        return list(found)

    def labels(self, facts: pd.DataFrame, day: date) -> Floats:
        """The label of each row of the facts, in their order; NaN where it is not known."""
        function, where = self._function("labels", day)
        given = handed(facts)
        with translate_errors(_called("labels", day), function):
            found = function(given)
        rows = _aligned(found, _numbers_of(facts), (where, "a Series", "facts"), pd.Series)
        values = _floats(rows, where)
        if count := int(np.isinf(values).sum()):
            named = infinite_in({"the facts": facts})
            raise blamed(bool(named), f"{where} gives {count} infinite labels of {len(values)}{named}")
        if self._model.task == "classification" and (odd := int((~np.isin(values, (0, 1)) & ~np.isnan(values)).sum())):
            raise BadConfig(f"{where} must give 0, 1 or NaN: {odd} of {len(values)} labels are something else")
        return values

    def features(self, scheduled: pd.DataFrame, history: Mapping[str, pd.DataFrame], day: date) -> pd.DataFrame:
        """One row of floats per scheduled row, in their order and with their index; NaN where nothing is known."""
        function, where = self._function("features", day)
        given = handed(scheduled), {name: copied(frame) for name, frame in history.items()}
        with translate_errors(_called("features", day), function):
            found = function(*given, day)
        rows = _aligned(found, _numbers_of(scheduled), (where, "a table", "scheduled"), pd.DataFrame)
        _require_names(rows, where)
        made = pd.DataFrame({name: _floats(rows[name], f"{where}, feature {name}") for name in rows}, scheduled.index)
        infinite = {name: int(np.isinf(made[name]).sum()) for name in made}
        if counts := [f"{name} in {count} of {len(made)} rows" for name, count in infinite.items() if count]:
            named = infinite_in({"the scheduled rows": scheduled, **history})
            raise blamed(bool(named), f"{where} gives infinite features: {', '.join(counts)}{named}")
        return made

    def slices(self, scheduled: pd.DataFrame, day: date) -> dict[str, NDArray[np.str_]]:
        """The group of each scheduled row, in their order, for each slice that the gate names."""
        names = self._model.gate.slices
        if not names:
            return {}
        function, where = self._function("slices", day)
        given = handed(scheduled)
        with translate_errors(_called("slices", day), function):
            found = function(given)
        rows = _aligned(found, _numbers_of(scheduled), (where, "a table", "scheduled"), pd.DataFrame)
        if lacking := [name for name in names if name not in rows]:
            raise BadConfig(f"{where} lacks a column for the gate's slices {', '.join(lacking)}")
        if twice := [name for name in names if isinstance(rows[name], pd.DataFrame)]:
            raise BadConfig(f"{where} must give one column for each slice: {', '.join(twice)} is there more than once")
        return {name: _groups(rows[name]) for name in names}

    def _function(self, name: str, day: date) -> tuple[Callable[..., Any], str]:
        function = function_of(self._code, name)
        return function, f"{place_of_function(function)}: {_called(name, day)}"


def handed(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy for a user's function: its rows carry an index that nothing else has."""
    return copied(frame).set_axis(_numbers_of(frame), axis=0)


def copied(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy that shares nothing with the frame, not even lists within cells."""
    found = frame.copy(deep=True)
    for position, kind in enumerate(found.dtypes):
        # Text has a type of its own, of kind O as well: looking through its cells would be most of a training's time.
        is_object = isinstance(kind, np.dtype) and kind.kind == "O"
        if is_object and any(isinstance(value, NESTED) for value in found.iloc[:, position]):
            column: Any = found.iloc[:, position].map(copy.deepcopy)
            found.isetitem(position, column)
    return found


def _called(name: str, day: date) -> str:
    return f"{name}() for {day}"


def _numbers_of(frame: pd.DataFrame) -> pd.RangeIndex:
    return pd.RangeIndex(FIRST_ROW, FIRST_ROW + len(frame))


def _aligned(found: Any, index: pd.RangeIndex, said: tuple[str, str, str], kind: type[Any]) -> Any:
    """What a function returned, in the order of the rows that it was given."""
    where, wanted, rows = said
    remedy = f"return {wanted} with the index of {rows}, as in {kind.__name__}(…, index={rows}.index)"
    if not isinstance(found, kind):
        raise BadConfig(f"{where} returns {type(found).__name__}: {remedy}")
    if len(found) != len(index):
        raise BadConfig(f"{where} returns {len(found)} rows for {len(index)} rows of {rows}: {remedy}")
    if not found.index.is_unique or not index.isin(found.index).all():
        raise BadConfig(f"{where} returns rows that are numbered anew, so that nobody knows whose they are: {remedy}")
    return found.loc[index]


def _require_names(rows: pd.DataFrame, where: str) -> None:
    if not len(rows.columns):
        raise BadConfig(f"{where} returns no feature: return at least one column")
    if other := sorted({type(name).__name__ for name in rows.columns if not isinstance(name, str)}):
        raise BadConfig(f"{where} names features by {', '.join(other)}: name every one by text")
    if twice := sorted(set(rows.columns[rows.columns.duplicated()])):
        raise BadConfig(f"{where} returns more than one feature called {', '.join(twice)}: give each its own name")


def _floats(column: "pd.Series[Any]", where: str) -> Floats:
    """A column as floats. Raises `BadConfig` for other than numbers, and for integers that a float would round."""
    if isinstance(column.dtype, pd.CategoricalDtype) or family_of(column) not in NUMBERS or _is_complex(column):
        raise BadConfig(f"{where} must return numbers, and not {type_of(column)}: turn it into numbers there")
    values = column.astype(object).where(column.notna(), np.nan) if column.dtype == object else column
    floats = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if family_of(column) == "whole numbers" and (count := int((np.abs(floats) >= EXACT).sum())):
        raise BadConfig(f"{where} has {count} integers beyond 2^53, which become other numbers as features or labels")
    return floats


def _is_complex(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_complex_dtype(column.dtype))


def _groups(column: "pd.Series[Any]") -> NDArray[np.str_]:
    values = column.astype(object).where(column.notna(), MISSING)
    return values.to_numpy().astype(np.str_)
