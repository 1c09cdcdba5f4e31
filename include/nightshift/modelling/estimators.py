"""The estimator of a model: made, tried on made-up rows before any data is read, and fitted."""

import ast
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nightshift import catalog
from nightshift.adapters.skops_types import require_trusted
from nightshift.core.metrics import Floats
from nightshift.definition import Model, Task
from nightshift.errors import BadConfig
from nightshift.modelling.predict import PREDICTS, predict, require_values
from nightshift.user_code import CodeRaised, get_function, load_part, place_of_function, translate_errors

log = logging.getLogger("nightshift.model")
ROWS = 200
COLUMNS = ("made_up_1", "made_up_2")
CERTAIN = ("InvalidParameterError", "TypeError", "AttributeError", "NotImplementedError", "MemoryError")
"""Exceptions that other rows would not mend."""


def list_trusted_types(model: Model) -> tuple[str, ...]:
    """The types that a stored version of the model may contain. Raises `BadConfig` where estimator.py has no list.

    A list that is written out is read without importing estimator.py: who compares versions needs no scikit-learn.
    """
    declared = _read_literal(model.name)
    if declared is None:
        declared = getattr(load_part(model, "estimator"), "TRUSTED", None)
    if not isinstance(declared, tuple | list) or not all(isinstance(name, str) for name in declared):
        raise BadConfig(f"models/{model.name}/estimator.py must define TRUSTED, a tuple of names of types; () for none")
    return tuple(declared)


def _read_literal(model: str) -> Any:
    """The value of TRUSTED where estimator.py assigns it once and literally; None where only its import can tell."""
    if f"models.{model}.estimator" in sys.modules:
        return None
    try:
        source = next(path for folder in catalog.list_folders() for path in folder.glob(f"{model}/estimator.py"))
        named = [
            statement
            for statement in ast.parse(source.read_bytes()).body
            if "TRUSTED" in _list_assigned_names(statement)
        ]
        value = named[0].value if len(named) == 1 and isinstance(named[0], ast.Assign | ast.AnnAssign) else None
        return None if value is None else ast.literal_eval(value)
    except (StopIteration, OSError, SyntaxError, ValueError):
        return None


def _list_assigned_names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def make_estimator(model: Model, seed: int) -> Any:
    """A new estimator. Raises `BadConfig` where estimator.py gives none that can do the model's task."""
    module = load_part(model, "estimator")
    function = get_function(module, "estimator")
    with translate_errors("estimator()", function):
        made_estimator = function(seed)
    needed = ("fit", "get_params", PREDICTS[model.task])
    if lacking := [name for name in needed if not callable(getattr(made_estimator, name, None))]:
        raise BadConfig(
            f"{place_of_function(function)}: estimator() gives a {type(made_estimator).__name__} without "
            f"{', '.join(lacking)}(), and a {model.task} needs {', '.join(needed)}"
        )
    return made_estimator


def try_estimator(model: Model) -> None:
    """Fits the model's estimator on made-up rows, stores it, loads it with TRUSTED alone, and compares predictions.

    Raises `BadConfig` for what no data could mend: an estimator that refuses its parameters, cannot predict, or holds
    types that TRUSTED does not name. One that only does not like the made-up rows is tried on real ones, and logged.
    """
    trusted, estimator = list_trusted_types(model), make_estimator(model, 1)
    features, labels = _make_up_rows(estimator, model.task)
    try:
        fit(model, estimator, features, labels)
        before = predict(estimator, model.task, features)
    except CodeRaised as error:
        if error.kind in CERTAIN:
            raise
        log.info("on made-up rows %s; it is tried on real ones by train", error)
        return
    after = predict(_store_and_load(estimator, trusted), model.task, features)
    if not np.allclose(before, after, equal_nan=True):
        raise BadConfig(f"{type(estimator).__name__} predicts otherwise once it is stored and loaded again")


def fit(model: Model, estimator: Any, features: pd.DataFrame, labels: Floats) -> None:
    """Fits an estimator. Raises `DataRejected` for missing values that it cannot take, `BadConfig` when it refuses."""
    function = get_function(load_part(model, "estimator"), "estimator")
    require_values(estimator, features)
    rows = f"{len(features)} rows of {len(features.columns)} features"
    with translate_errors(f"fit() of {type(estimator).__name__} on {rows}", function):
        estimator.fit(features.copy(), labels.copy())


def _store_and_load(estimator: Any, trusted: Sequence[str]) -> Any:
    import skops.io

    data = require_trusted(estimator, trusted)
    with translate_errors(f"loading a {type(estimator).__name__} with skops"):
        return skops.io.loads(data, trusted=list(trusted))


def _make_up_rows(estimator: Any, task: Task) -> tuple[pd.DataFrame, Floats]:
    """Rows of no meaning, with a column for every name that the estimator's parameters mention."""
    with translate_errors("get_params()"):
        names = dict.fromkeys([*COLUMNS, *_iterate_names(estimator.get_params(deep=True).values())])
    generator = np.random.default_rng(0)
    features = pd.DataFrame({name: generator.normal(size=ROWS) for name in names})
    labels = features[COLUMNS[0]].to_numpy() + generator.normal(size=ROWS)
    return features, (labels > 0).astype(np.float64) if task == "classification" else labels


def _iterate_names(values: Iterable[Any]) -> Iterator[str]:
    """The texts in lists, tuples and keys of dictionaries: among them are the columns that an estimator asks for."""
    for value in values:
        if isinstance(value, Mapping):
            yield from (key for key in value if isinstance(key, str))
            yield from _iterate_names(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            yield from (item for item in value if isinstance(item, str))
            yield from _iterate_names(value)
