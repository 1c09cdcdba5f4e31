"""Training runs in MLflow. The only module that imports mlflow; steps that need no more than versions, aliases and tags
use `registry`, which costs a tenth.

A run is found again by its idempotency key and resumed, so an attempt that was killed leaves no second run. Each
attempt logs its model under an id of its own, so a late attempt cannot overwrite files that a version already names.
MLflow writes the model's files; all requests are ours (`connection`), which repeats them where MLflow would not.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # there is no git in a step's image, and none is needed

import mlflow.sklearn
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import Model, infer_signature

from nightshift.adapters.mlflow import runs
from nightshift.adapters.mlflow.connection import NotFound, Server
from nightshift.adapters.mlflow.registry import Registry, Version
from nightshift.adapters.skops_types import require_trusted
from nightshift.definition import Task
from nightshift.errors import BadConfig, NightshiftError, TryLater
from nightshift.settings import RegistrySettings

NAME = "model"
"""The name of the logged model within its run."""
FILE = "model.skops"
AT_ONCE, LONGEST_PARAM = 100, 500
"""Parameters that MLflow takes in one request, and characters of one that are kept."""
LAST_RETRY_SECONDS, LAST_TIMEOUT = 0.0, 3.0
"""Seconds for a run that is closed because its step ends."""
PYTHON = ".".join(map(str, sys.version_info[:3]))
REQUIREMENTS = ("scikit-learn", "skops", "numpy", "pandas")
PREDICTS: Mapping[Task, str] = {"classification": "predict_proba", "regression": "predict"}


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator as it is to be stored. `sample`: some rows of features; `trusted`: types skops may load."""

    estimator: Any
    sample: pd.DataFrame
    task: Task
    trusted: Sequence[str]


@dataclass(frozen=True)
class Logged:
    """A logged model, read back whole: its id in MLflow and the SHA-256 of its one file."""

    model_id: str
    sha256: str


@dataclass(frozen=True)
class Input:
    """One dataset that a run read. `role`: training or holdout; `digest`: over every partition."""

    name: str
    role: str
    source: str
    digest: str


class TrainingRun:
    """One training run, open until `finish`; a context manager that leaves none open, however its block ends.

    Methods raise `TryLater` when MLflow fails, `BadConfig` when it refuses.
    """

    def __init__(self, registry: Registry, experiment: str, name: str, key: str, tags: Mapping[str, str]) -> None:
        self._registry, self._server = registry, registry.server
        self._experiment = runs.find_or_create_experiment(self._server, experiment)
        self.id = runs.open_run(self._server, self._experiment, name, key, tags)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Marks the run as failed after an exception, the signal to end among them, and removes half-made models.

        Sent once: a pod that is being stopped has ten seconds. What this cannot reach, the next attempt closes.
        """
        if kind is not None:
            hurried = Server(RegistrySettings(tracking_uri=self._server.url), LAST_RETRY_SECONDS, LAST_TIMEOUT)
            with suppress(NightshiftError, NotFound):
                runs.abandon(hurried, self._experiment, self.id)

    def log_inputs(self, inputs: Sequence[Input]) -> None:
        """Records what the run read."""
        datasets = [
            {
                "dataset": {"name": i.name, "digest": i.digest, "source_type": "s3", "source": i.source},
                "tags": [{"key": "mlflow.data.context", "value": i.role}],
            }
            for i in inputs
        ]
        self._server.post("runs/log-inputs", {"run_id": self.id, "datasets": datasets})

    def log_numbers(self, params: Mapping[str, Any], metrics: Mapping[str, float], logged: Logged) -> None:
        """Logs parameters, and metrics of the run and of the model."""
        now = int(time.time() * 1000)
        points = [
            {"key": name, "value": float(value), "timestamp": now, "step": 0, "model_id": logged.model_id}
            for name, value in metrics.items()
        ]
        pairs = [{"key": name, "value": str(value)[:LONGEST_PARAM]} for name, value in params.items()]
        for first in range(0, len(pairs), AT_ONCE):
            self._log_batch(params=pairs[first : first + AT_ONCE])
        self._log_batch(metrics=points)

    def _log_batch(self, **batch: Iterable[Mapping[str, Any]]) -> None:
        self._server.post("runs/log-batch", {"run_id": self.id, **batch})

    def log_files(self, files: Mapping[str, bytes]) -> None:
        """Stores files with the run, by their path in it."""
        self._put(runs.run_folder(self._server, self.id), files)

    def _put(self, folder: str, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            self._server.put_artifact(f"{folder}/{name}", data)

    def log_model(self, fitted: Fitted) -> Logged:
        """Stores the estimator with skops and reads it back.

        Raises `BadConfig` for an estimator that holds types outside `fitted.trusted`, `TryLater` when what the server
        stored is not what was sent.
        """
        attempt = uuid4().hex
        model_id, location = runs.create_model(self._server, self._experiment, self.id, NAME, attempt)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, NAME)
            _write(fitted, path, Model(location, self.id, model_uuid=model_id, model_id=model_id))
            files = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        sha256 = hashlib.sha256(files[FILE]).hexdigest()
        self._put(runs.get_proxied_path(location), files)
        self._check(location, sha256)
        self._close_model(model_id)
        runs.add_output(self._server, self.id, model_id)
        return Logged(model_id, sha256)

    def _close_model(self, model_id: str) -> None:
        body = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
        try:
            self._server.patch(f"logged-models/{model_id}", body)
        except NotFound:
            raise TryLater(f"another attempt of this night took over and removed model {model_id}") from None

    def _check(self, location: str, sha256: str) -> None:
        read = self._server.load_artifact(f"{runs.get_proxied_path(location)}/{FILE}")
        if hashlib.sha256(read).hexdigest() != sha256:
            raise TryLater(f"{location}/{FILE} reads back other bytes than were stored: digest error, not registered")

    def finish(self, version: Version, tags: Mapping[str, str]) -> None:
        """Marks the run as finished and removes the models that other attempts left in it.

        The one that stays is the one `version` names, whichever attempt registered it.
        """
        self._registry.tag_run(self.id, tags)
        ended = {"run_id": self.id, "status": "FINISHED", "end_time": int(time.time() * 1000)}
        self._server.post("runs/update", ended)
        models = runs.list_logged_models(self._server, self._experiment, self.id)
        named = {model["model_id"] for model in models if version.source.endswith(f"/{model['model_id']}")}
        if named:
            runs.remove_models(self._server, self._experiment, self.id, lambda model: model["model_id"] not in named)


def _write(fitted: Fitted, path: Path, metadata: Model) -> None:
    predicts = PREDICTS[fitted.task]
    predictions = getattr(fitted.estimator, predicts)(fitted.sample)
    try:
        mlflow.sklearn.save_model(
            fitted.estimator,
            str(path),
            mlflow_model=metadata,
            serialization_format=mlflow.sklearn.SERIALIZATION_FORMAT_SKOPS,
            skops_trusted_types=list(fitted.trusted),
            signature=infer_signature(fitted.sample, predictions),
            conda_env=_build_environment(),
            pyfunc_predict_fn=predicts,
        )
    except MlflowException:
        # Not MLflow's own words: they advise to load what nobody trusts.
        require_trusted(fitted.estimator, fitted.trusted)
        raise BadConfig(f"{type(fitted.estimator).__name__} cannot be stored with skops: choose another") from None


def _build_environment() -> dict[str, Any]:
    """What the model needs.

    Left to itself MLflow infers it for ten seconds; given as pip requirements it reads what is installed, for half a
    second, only to warn.
    """
    pip = [f"{name}=={version(name)}" for name in REQUIREMENTS]
    return {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={PYTHON}", "pip", {"pip": pip}],
    }
