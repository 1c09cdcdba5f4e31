"""The table of one day's predictions: the key columns exactly as they were delivered, the platform's own beside them.

Everything that must hold of it is checked here, before anything is written. Messages have counts, types and the names
of columns, never a value.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.core.columns import choose_free_name
from nightshift.core.metrics import Floats
from nightshift.core.sanity import check_finite, check_range
from nightshift.definition import Model, Task
from nightshift.errors import BadConfig, DataRejected
from nightshift.lake import tables
from nightshift.lake.partitions import FIXED
from nightshift.lake.publish_table import Table

OWN = ("night", "prediction", "model_version")
"""The roles of the platform's columns; each is named so unless a key column is."""


def read_delivered_keys(model: Model, delivered: pa.Table, partition: str) -> pa.Table:
    """The key columns of the rows to score, as delivered.

    Raises `DataRejected` when a column lacks, holds nested values or nulls, or when rows repeat a key: of the model, or
    of its scheduled dataset where that has one of its own.
    """
    for key in dict.fromkeys(key for key in (model.key, model.scheduled.key) if key):
        _require_unique(_select_columns(delivered, key, partition), key, partition)
    return _select_columns(delivered, model.key, partition)


def _select_columns(delivered: pa.Table, key: Sequence[str], partition: str) -> pa.Table:
    """Some columns without the metadata of whoever wrote them, which would be untrue of another table."""
    names = delivered.schema.names
    if lacking := [name for name in key if names.count(name) != 1]:
        raise DataRejected(f"{partition} has not exactly one column of each name of the key: {', '.join(lacking)}")
    if nested := [
        f"{name} ({_get_type(delivered, name)})" for name in key if pa.types.is_nested(_get_type(delivered, name))
    ]:
        raise DataRejected(f"{partition} has nested values in the key, which cannot be compared: {', '.join(nested)}")
    fields = [pa.field(name, _get_type(delivered, name)) for name in key]
    return pa.table([delivered.column(names.index(name)) for name in key], schema=pa.schema(fields))


def _get_type(delivered: pa.Table, name: str) -> pa.DataType:
    return delivered.schema.types[delivered.schema.names.index(name)]


def _require_unique(keys: pa.Table, key: Sequence[str], partition: str) -> None:
    frame: pd.DataFrame = keys.to_pandas(use_threads=False)
    if nulls := {name: int(frame[name].isna().sum()) for name in key if frame[name].isna().any()}:
        counts = ", ".join(f"{count} of {len(frame)} rows in {name}" for name, count in nulls.items())
        raise DataRejected(f"{partition} has no value in its key: {counts}; {FIXED}")
    if repeated := int(frame.duplicated(list(key)).sum()):
        raise DataRejected(
            f"{repeated} of {len(frame)} rows of {partition} repeat the key ({', '.join(key)}) of an earlier row: "
            f"nothing is published; was it delivered twice? {FIXED}"
        )


def require_same_rows(delivered: pa.Table, scheduled: pd.DataFrame, key: Sequence[str], partition: str) -> None:
    """Raises `DataRejected` unless the features were made from exactly the delivered rows, in their order."""
    read = tables.read_frame(delivered, partition)[list(key)]
    if not read.equals(scheduled[list(key)].reset_index(drop=True)):
        raise DataRejected(
            f"{partition} changed while it was scored: {len(read)} rows were read, then {len(scheduled)}, and their "
            f"keys differ; validate the night again, then score it"
        )


def require_sound(predictions: Floats, task: Task, rows: int, who: str) -> None:
    """Raises `BadConfig`, naming `who` made them, unless there is one prediction per row, finite and in range."""
    shape = np.shape(predictions)
    if shape != (rows,):
        expected = f"{rows} rows were to be scored and its predictions have the shape {shape}"
        raise BadConfig(f"{who} does not give one prediction per row: {expected}; nothing is published")
    if broken := [check for check in (check_finite(predictions), check_range(predictions, task)) if not check.passed]:
        raise BadConfig(
            f"{who} cannot be published: {'; '.join(check.sentence for check in broken)}. What was published before "
            f"stands. Mend the estimator, or make another version champion with `nightshift set-champion`"
        )


def build_scores(keys: pa.Table, day: date, predictions: Floats, version: int) -> Table:
    """The rows to publish: the keys, then the night that is scored, the prediction and the version that made it."""
    names = _choose_own_names(keys.schema.names)
    own = {
        names["night"]: pa.array([day] * keys.num_rows, pa.date32()),
        names["prediction"]: pa.array(predictions, pa.float64()),
        names["model_version"]: pa.array([version] * keys.num_rows, pa.int64()),
    }
    rows = keys
    for name, values in own.items():
        rows = rows.append_column(name, values)
    columns: dict[str, Any] = {"key": list(keys.schema.names), **names}
    return Table(rows, columns)


def _choose_own_names(taken: Sequence[str]) -> Mapping[str, str]:
    names: dict[str, str] = {}
    for role in OWN:
        names[role] = choose_free_name(role, [*taken, *names.values()])
    return names
