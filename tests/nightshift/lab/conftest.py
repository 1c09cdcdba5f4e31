"""The lab of a test, with good data landed."""

from contextlib import suppress
from pathlib import Path

import pytest

from nightshift.adapters.mlflow.connection import NotFound
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.object_store import ObjectStore
from support.lab import Lab, predict_in_process


@pytest.fixture
def lab_registry(mlflow_environment: str) -> Registry:  # noqa: ARG001 - sets the environment
    """The session's MLflow, in which the lab model has no version."""
    registry = Registry()
    with suppress(NotFound):
        registry.server._send("DELETE", "/api/2.0/mlflow/registered-models/delete", b'{"name": "lab"}', 1)
    return registry


@pytest.fixture
def lab(
    store: ObjectStore,
    lab_registry: Registry,  # noqa: ARG001 - must be clean
    undrawn: None,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    """A lab with good data in every partition of NIGHTS, not validated yet."""
    created = Lab(store, tmp_path, monkeypatch)
    predict_in_process(monkeypatch)
    created.land()
    return created
