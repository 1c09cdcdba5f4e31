"""The key of a dataset: its columns are there, complete and unique, whatever a suite says.

Nothing here quotes a key. Counts, names of columns and names of types are all that a fault says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nightshift.core.check_failure import CheckFailure

CHECKS = ("key_columns_are_present", "key_is_comparable", "key_is_complete", "key_is_unique")
NESTED = (list, tuple, dict, set, np.ndarray)
TEXT, INTEGERS = "text", "integers"
FAMILIES = {"bool": "booleans", "int": INTEGERS, "float": "floats", "Decimal": "decimals", "str": TEXT}
"""What a value's Python type is called, where columns hold objects."""


@dataclass(frozen=True)
class KeyReport:
    """What is wrong with a key (`faults`), and what is odd about it and no reason to refuse it (`remarks`)."""

    faults: tuple[CheckFailure, ...] = ()
    remarks: tuple[str, ...] = ()


def check_key(frame: pd.DataFrame, key: Sequence[str]) -> KeyReport:
    """Checks that the key's columns are in `frame`, can be compared, hold no null, and that no key is repeated."""
    if not key:
        return KeyReport()
    names = ", ".join(key)
    columns = list(frame.columns)
    if faults := [fault for name in key if (fault := _find_presence_fault(columns, name)) is not None]:
        return KeyReport(tuple(faults))
    keys = frame[list(key)]
    if faults := [fault for name in key if (fault := _find_type_fault(keys[name])) is not None]:
        return KeyReport(tuple(faults))
    nulls = keys.isna()
    faults = [_describe_nulls(name, int(nulls[name].sum()), len(frame)) for name in key if nulls[name].any()]
    whole = _make_plain(keys[~nulls.any(axis=1)])
    repeated = _describe_repeats(whole, names)
    return KeyReport((*faults, *([repeated] if repeated else ())), _find_remarks(whole, names))


def _find_presence_fault(columns: Sequence[object], name: str) -> CheckFailure | None:
    times = columns.count(name)
    if times == 1:
        return None
    how = f"there is no column {name}" if times == 0 else f"{times} columns are called {name}"
    return CheckFailure("key_columns_are_present", name, f"{name}: every column of the key must be there once; {how}")


def _find_type_fault(column: pd.Series) -> CheckFailure | None:
    """A fault when a column holds nested values or values of several types: they cannot be compared or joined."""
    if column.dtype != object:
        return None
    types = {type(value) for value in column[~column.isna()]}
    nested = any(issubclass(names, NESTED) for names in types)
    if not nested and len(types) < 2:
        return None
    kinds = "nested values" if nested else "values of several types"
    names = ", ".join(sorted(FAMILIES.get(kind.__name__, kind.__name__) for kind in types))
    sentence = f"{column.name}: a key must be text, numbers, dates or times; found {kinds} ({names})"
    return CheckFailure("key_is_comparable", str(column.name), sentence)


def _describe_nulls(name: str, nulls: int, rows: int) -> CheckFailure:
    share = f"{nulls} of {rows} rows have none ({100 * nulls / rows:.1f} %)"
    return CheckFailure(
        "key_is_complete", name, f"{name}: every row must have a value in each column of the key; {share}"
    )


def _make_plain(keys: pd.DataFrame) -> pd.DataFrame:
    """The keys without categories, which would be compared by their code, and with one zero instead of two."""
    plain = keys.copy()
    for name in plain.columns:
        if isinstance(plain[name].dtype, pd.CategoricalDtype):
            plain[name] = plain[name].astype(plain[name].cat.categories.dtype)
        if pd.api.types.is_float_dtype(plain[name].dtype):
            plain[name] = plain[name] + 0.0  # -0.0 becomes 0.0
    return plain


def _describe_repeats(keys: pd.DataFrame, names: str) -> CheckFailure | None:
    counts = keys.value_counts(sort=False).to_numpy()
    repeated = counts[counts > 1]
    if not len(repeated):
        return None
    rows = f"{len(repeated)} of {len(counts)} keys are repeated, in {int(repeated.sum())} of {len(keys)} rows"
    twice = len(repeated) == len(counts) and len(set(counts)) == 1
    hint = f": each stands there {counts[0]} times, was the partition delivered more than once?" if twice else ""
    return CheckFailure("key_is_unique", names, f"{names}: no two rows may have the same key; {rows}{hint}")


def _find_remarks(keys: pd.DataFrame, names: str) -> tuple[str, ...]:
    """What is odd about keys of text: spaces around them, or two that differ in nothing but case and spaces."""
    texts = [name for name in keys.columns if _is_text(keys[name])]
    if not texts or keys.empty:
        return ()
    stripped = keys[texts].apply(lambda column: column.str.strip())
    padded = int((stripped != keys[texts]).any(axis=1).sum())
    alike = keys.assign(**{name: stripped[name].str.casefold() for name in texts}).drop_duplicates()
    fewer = len(keys.drop_duplicates()) - len(alike)
    remarks = []
    if padded:
        remarks.append(f"{names}: {padded} of {len(keys)} rows have a key with spaces before or after it")
    if fewer:
        remarks.append(f"{names}: {fewer} keys differ from another one only in case, or in spaces before or after it")
    return tuple(remarks)


def _is_text(column: pd.Series) -> bool:
    return pd.api.types.is_string_dtype(column.dtype) and all(isinstance(value, str) for value in column.head(1))
