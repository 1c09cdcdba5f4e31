"""The lab: real steps on a real S3 and a real MLflow, over whatever partitions a test writes.

The model `lab` has the key `id`, one feature `x` and a binary label `y`. Its nights are NIGHTS; the night of a test is
the last of them, NIGHT, and NEXT is the day that it scores. `Lab.land` writes good data everywhere; a test then
replaces single partitions, or the model's functions.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import models
from nightshift import catalog
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import open_context
from nightshift.definition import Dataset, Model
from nightshift.modelling import isolated_predict
from nightshift.results import Result
from nightshift.run_step import perform
from nightshift.settings import RunSettings

MODELS = Path(__file__).parents[1] / "nightshift" / "lab" / "fixture_models"
NIGHT = date(2013, 3, 8)
NIGHTS = tuple(NIGHT - timedelta(days=days) for days in range(7, -1, -1))
NEXT = NIGHT + timedelta(days=1)
ROWS = 60
NOT_NULL: Mapping[str, Any] = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}


class Lab:
    """One test's lab. `model` may be replaced; so may the suites `facts` and `plan` (`write_suite`)."""

    def __init__(self, store: ObjectStore, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.store, self._folder, self._patch = store, folder, patch
        patch.setenv("NIGHTSHIFT_MODELS", str(MODELS))
        patch.setattr(models, "__path__", [*models.__path__, str(MODELS)])
        patch.setattr(catalog, "SUITES_FOLDER", folder)
        self.code: Any = import_module("models.lab.features")
        self.estimator: Any = import_module("models.lab.estimator")
        self.model = _build_model(import_module("models.lab.definition").MODEL, store.bucket)
        for name in ("facts", "plan"):
            self.write_suite(name, [NOT_NULL])

    def write_suite(self, name: str, expectations: Sequence[Mapping[str, Any]]) -> None:
        """Writes a suite, over the one of that name."""
        (self._folder / f"{name}.json").write_text(json.dumps({"name": name, "expectations": list(expectations)}))

    def remove_suite(self, dataset: str) -> None:
        """Leaves a dataset without a suite."""
        changed = replace(self.get_dataset(dataset), suite=None)
        field = "facts" if dataset == self.model.facts.name else "scheduled"
        self.model = replace(self.model, **{field: changed})  # type: ignore[arg-type]  # the one field is a dataset

    def replace_function(self, name: str, function: Callable[..., Any]) -> None:
        """Puts another `features`, `labels` or `slices` in place of the model's own."""
        self._patch.setattr(self.code, name, function)

    def make_rows(self, day: date, count: int = ROWS) -> pd.DataFrame:
        """Good rows of one day: `id`, `x`, and `y`, which depends on `x`."""
        generator = np.random.default_rng(day.toordinal())
        x = generator.normal(size=count)
        y = (generator.random(count) < 1 / (1 + np.exp(-2 * x))).astype("int64")
        return pd.DataFrame({"id": [f"s{number}" for number in range(count)], "x": x, "y": y})

    def land(self, nights: Sequence[date] = NIGHTS) -> None:
        """Writes facts and plan of these nights, and the plan of the day after the last."""
        for day in nights:
            self.write("facts", day, self.make_rows(day)[["id", "x", "y"]])
            self.write("plan", day, self.make_rows(day)[["id", "x"]])
        self.write("plan", nights[-1] + timedelta(days=1), self.make_rows(nights[-1] + timedelta(days=1))[["id", "x"]])

    def write(self, dataset: str, day: date, data: pd.DataFrame | pa.Table, name: str = "part-0.parquet") -> None:
        """Writes one file of a partition."""
        table = pa.Table.from_pandas(data, preserve_index=False) if isinstance(data, pd.DataFrame) else data
        sink = io.BytesIO()
        pq.write_table(table, sink)
        self.store.put(self.get_dataset(dataset).build_partition_uri(day) + name, sink.getvalue())

    def clear(self, dataset: str, day: date) -> None:
        """Removes every object of a partition."""
        self.store.delete(
            [stored.uri for stored in self.store.list_objects(self.get_dataset(dataset).build_partition_uri(day))]
        )

    def get_dataset(self, name: str) -> Dataset:
        """The dataset `facts` or `plan`."""
        return next(dataset for dataset in self.model.datasets if dataset.name == name)

    def run(self, verb: str, night: date = NIGHT, code_version: str = "test") -> Result[Any]:
        """Runs a verb of a night as the command line does; returns this run's result, which it stored."""
        step = open_context(self.model, night, self.store, RunSettings(code_version=code_version, caused_by="a test"))
        result, _ = perform(verb, step)
        stored = step_results.load_any(self.store, "lab", night, verb)
        assert stored is not None
        assert (stored.last_outcome, stored.last_summary) == (result.outcome, result.summary)
        return stored if stored.failed_since is None else result

    def validate_all(self, nights: Sequence[date] = NIGHTS) -> list[Result[Any]]:
        """Validates these nights and the one before, which checks the first one's plan."""
        return [self.run("validate", night) for night in (nights[0] - timedelta(days=1), *nights)]

    def run_night(self, *verbs: str) -> list[Result[Any]]:
        """Runs several verbs of NIGHT, `train` to `score` unless they are named."""
        return [self.run(verb) for verb in verbs or ("train", "evaluate", "promote", "score")]


def _build_model(model: Model, bucket: str) -> Model:
    facts, scheduled = (
        replace(dataset, uri=dataset.uri.replace("s3://lake/", f"s3://{bucket}/lake/"))
        for dataset in (model.facts, model.scheduled)
    )
    return replace(model, facts=facts, scheduled=scheduled)


def predict_in_process(patch: pytest.MonkeyPatch) -> None:
    """Spares a test the start of a fresh process."""

    def run_here(folder: Path) -> str:
        assert isolated_predict.main(folder) == 0
        return ""

    patch.setattr(isolated_predict, "_run", run_here)
