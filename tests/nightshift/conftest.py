"""The shops model, its data in the test's own bucket, and a registry that knows nothing of it yet."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import models
from nightshift.adapters.mlflow.connection import NotFound
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import open_context
from nightshift.definition import Model
from nightshift.modelling import isolated_predict
from nightshift.results import Result
from nightshift.run_step import perform
from nightshift.settings import RunSettings

MODELS = Path(__file__).parent / "steps" / "fixture_models"
FIRST, LAST = date(2013, 2, 6), date(2013, 2, 21)
NIGHT = date(2013, 2, 19)

RunStep = Callable[..., Result[Any]]


@pytest.fixture
def model(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Model:
    """The shops model over this test's bucket; fresh processes find it as well."""
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(MODELS))
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(MODELS)])
    definition: Model = import_module("models.shops.definition").MODEL
    facts, scheduled = (
        replace(dataset, uri=dataset.uri.replace("s3://lake/", f"s3://{bucket}/"))
        for dataset in (definition.facts, definition.scheduled)
    )
    return replace(definition, facts=facts, scheduled=scheduled)


@pytest.fixture
def registry(mlflow_environment: str) -> Registry:  # noqa: ARG001 - sets the environment
    """The session's MLflow, in which the shops model has no version."""
    actual = Registry()
    with suppress(NotFound):
        actual.server._send("DELETE", "/api/2.0/mlflow/registered-models/delete", b'{"name": "shops"}', 1)
    return actual


@pytest.fixture
def ledger(store: ObjectStore) -> Ledger:
    """The ledger of the shops model."""
    return Ledger(store, "shops")


@pytest.fixture
def source(model: Model) -> Any:  # noqa: ARG001 - makes it importable
    """The module that makes the data of the shops model."""
    return import_module("models.shops.source")


@pytest.fixture
def landed(store: ObjectStore, model: Model, source: Any) -> Model:
    """The shops model with validated nights FIRST to LAST."""
    source.land(store, model, FIRST, LAST)
    return model


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares a test the drawing of pictures, half a second for each training; `test_pictures` draws them."""
    monkeypatch.setattr("nightshift.modelling.plots._render_png", lambda _: b"\x89PNG of a test")


@pytest.fixture
def run_step(
    store: ObjectStore,
    landed: Model,
    registry: Registry,  # noqa: ARG001 - must be clean
    undrawn: None,  # noqa: ARG001
) -> RunStep:
    """Runs a verb of a night as the command line does; returns this run's result, which it stored."""

    def run_step(
        verb: str, night: date = NIGHT, code_version: str = "test", model: Model = landed, image: str = ""
    ) -> Result[Any]:
        by = RunSettings(code_version=code_version, caused_by="a test", image=image)
        result, _ = perform(verb, open_context(model, night, store, by))
        stored_result = step_results.load_any(store, "shops", night, verb)
        assert stored_result is not None
        assert (stored_result.last_outcome, stored_result.last_summary) == (result.outcome, result.summary)
        return stored_result if stored_result.failed_since is None else result

    return run_step


@pytest.fixture
def fresh_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares a test the start of a fresh process; the tests of `evaluate` do start it."""

    def run_here(folder: Path) -> str:
        assert isolated_predict.main(folder) == 0
        return ""

    monkeypatch.setattr(isolated_predict, "_run", run_here)
