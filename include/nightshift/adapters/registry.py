"""Training runs in MLflow. The only module that imports mlflow; steps that need no more than versions, aliases and tags
use `registry_rest`, which costs a tenth.

A run is found again by its idempotency key and resumed, so an attempt that was killed leaves no second run. Each
attempt logs its model under an id of its own, so a late attempt cannot overwrite files that a version already names.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Read when the first request is made: a step ends with "try later" within a minute, and Airflow retries it.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # a step says where its result is
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # there is no git in a step's image, and none is needed

import mlflow.sklearn
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException, RestException
from mlflow.models import Model, infer_signature
from requests.exceptions import RequestException

from nightshift.adapters.estimators import require_trusted
from nightshift.adapters.registry_rest import KEY, PROXIED, Registry, Version
from nightshift.definition import Task
from nightshift.errors import BadConfig, TryLater

NAME = "model"
"""The name of the logged model within its run."""
FILE = "model.skops"
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


@contextmanager
def _as_ours(doing: str) -> Iterator[None]:
    try:
        yield
    except (RequestException, OSError) as error:
        raise TryLater(f"MLflow could not be reached at {doing}: {error}") from error
    except RestException as error:
        if error.error_code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
            raise BadConfig(f"MLflow refused {doing}: {error}; check its credentials") from error
        if error.error_code == "INVALID_PARAMETER_VALUE":
            raise BadConfig(f"MLflow will never accept {doing}: {error}") from error
        raise TryLater(f"MLflow failed at {doing}: {error}") from error
    except MlflowException as error:
        raise TryLater(f"MLflow failed at {doing}: {error}") from error


class TrainingRun:
    """One training run, open until `finish`. Methods raise `TryLater` when MLflow fails."""

    def __init__(self, registry: Registry, experiment: str, name: str, key: str, tags: Mapping[str, str]) -> None:
        self._registry = registry
        self._client = MlflowClient(registry.server.url)
        with _as_ours("opening the run"):
            self._experiment = self._experiment_id(experiment)
            self.id = self._resumed(key) or self._new(name, {**tags, KEY: key})

    def _experiment_id(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        try:
            return str(self._client.create_experiment(name))
        except RestException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another step was first
                raise
            return self._experiment_id(name)

    def _resumed(self, key: str) -> str | None:
        wanted = f"tags.`{KEY}` = '{key}'"
        found = self._client.search_runs([self._experiment], wanted, order_by=["attributes.start_time ASC"])
        if not found:
            return None
        self._client.update_run(found[0].info.run_id, status="RUNNING")
        return str(found[0].info.run_id)

    def _new(self, name: str, tags: Mapping[str, str]) -> str:
        return str(self._client.create_run(self._experiment, run_name=name, tags=dict(tags)).info.run_id)

    def log_inputs(self, inputs: Sequence[Input]) -> None:
        """Records what the run read."""
        found = [
            DatasetInput(Dataset(i.name, i.digest, "s3", i.source), [InputTag("mlflow.data.context", i.role)])
            for i in inputs
        ]
        with _as_ours("logging inputs"):
            self._client.log_inputs(self.id, found)

    def log_numbers(self, params: Mapping[str, Any], metrics: Mapping[str, float], logged: Logged) -> None:
        """Logs parameters, and metrics of the run and of the model."""
        now = int(time.time() * 1000)
        with _as_ours("logging numbers"):
            self._client.log_batch(
                self.id,
                params=[Param(name, str(value)) for name, value in params.items()],
                metrics=[Metric(name, value, now, 0, model_id=logged.model_id) for name, value in metrics.items()],
            )

    def log_files(self, files: Mapping[str, bytes]) -> None:
        """Stores files with the run, by their path in it."""
        with tempfile.TemporaryDirectory() as folder, _as_ours("storing files"):
            for name, data in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            self._client.log_artifacts(self.id, folder)

    def log_model(self, fitted: Fitted) -> Logged:
        """Stores the estimator with skops and reads it back.

        Raises `BadConfig` for an estimator that holds types outside `fitted.trusted`, `TryLater` when what the server
        stored is not what was sent.
        """
        with tempfile.TemporaryDirectory() as folder, _as_ours("storing the model"):
            stored = self._client.create_logged_model(self._experiment, NAME, source_run_id=self.id)
            path = Path(folder, NAME)
            _write(
                fitted,
                path,
                Model(stored.artifact_location, self.id, model_uuid=stored.model_id, model_id=stored.model_id),
            )
            sha256 = hashlib.sha256((path / FILE).read_bytes()).hexdigest()
            self._client.log_model_artifacts(stored.model_id, str(path))
            self._check(stored.artifact_location, sha256)
            self._client.finalize_logged_model(stored.model_id, LoggedModelStatus.READY)
            self._client.log_outputs(self.id, [LoggedModelOutput(stored.model_id, 0)])
        return Logged(str(stored.model_id), sha256)

    def _check(self, location: str, sha256: str) -> None:
        read = self._registry.server.artifact(location.removeprefix(PROXIED).lstrip("/") + f"/{FILE}")
        if hashlib.sha256(read).hexdigest() != sha256:
            raise TryLater(f"{location}/{FILE} reads back other bytes than were stored: digest error, not registered")

    def finish(self, version: Version, tags: Mapping[str, str]) -> None:
        """Marks the run as finished and removes the models that other attempts left in it.

        The one that stays is the one `version` names, whichever attempt registered it.
        """
        with _as_ours("finishing the run"):
            self._client.log_batch(self.id, tags=[RunTag(name, value) for name, value in tags.items()])
            self._client.set_terminated(self.id)
            found = self._client.search_logged_models([self._experiment], f"source_run_id = '{self.id}'")
            named = [model.model_id for model in found if version.source.endswith(f"/{model.model_id}")]
            for model in found:
                if named and model.model_id not in named:
                    self._client.delete_logged_model(model.model_id)


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
            conda_env=_environment(),
            pyfunc_predict_fn=predicts,
        )
    except MlflowException:
        # Not MLflow's own words: they advise to load what nobody trusts.
        require_trusted(fitted.estimator, fitted.trusted)
        raise BadConfig(f"{type(fitted.estimator).__name__} cannot be stored with skops: choose another") from None


def _environment() -> dict[str, Any]:
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
