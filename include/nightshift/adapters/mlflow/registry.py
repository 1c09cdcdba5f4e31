"""Versions, aliases, tags and artifacts of the MLflow registry, without importing MLflow.

Artifacts go through the MLflow server (`mlflow server --serve-artifacts`), so that a pod needs no other credentials.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from nightshift.adapters.mlflow import runs
from nightshift.adapters.mlflow.connection import NotFound, Rejected, Server
from nightshift.errors import BadConfig, TryLater
from nightshift.settings import RegistrySettings, read

CHAMPION = "champion"
KEY, NIGHT, PROXIED = runs.KEY, runs.NIGHT, runs.PROXIED
MODEL_CODE = "nightshift.model_code"
WORK = "nightshift.work"
SHA256 = "nightshift.artifact_sha256"
TRAINED_TO = "nightshift.trained_to"
LEDGER_HEAD = "nightshift.ledger_head"
"""On the registered model: number and SHA-256 of the last entry of its ledger to which alias and cards were brought."""
TRAIN_DETAIL = "train.json"
SAMPLE = "sample.json"
MODEL_FILE = "model.skops"
REGISTERED_WITHIN = 30.0
"""Seconds that a version may take to become ready."""


@dataclass(frozen=True)
class Version:
    """One registered version. `source` is what MLflow keeps of where its files are."""

    model: str
    number: int
    run_id: str
    source: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model. `champion`: the version that the alias champion names, None when there is no such alias."""

    champion: int | None
    tags: Mapping[str, str] = field(default_factory=dict)


def _read_version(reply: Mapping[str, Any]) -> Version:
    number, run_id = int(reply["version"]), reply.get("run_id", "")
    return Version(reply["name"], number, run_id, reply.get("source", ""), _read_tags(reply))


def _read_tags(reply: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in reply.get("tags", [])}


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Registry:
    """The MLflow registry as steps need it. Methods raise `TryLater` when MLflow fails, `BadConfig` when it refuses."""

    def __init__(self, settings: RegistrySettings | None = None) -> None:
        """`settings`: which server; None: the one of the environment, which is read when it is first used."""
        self._settings = settings

    @cached_property
    def server(self) -> Server:
        """The MLflow server. Raises `BadConfig` when the environment does not name it."""
        return Server(self._settings or read(RegistrySettings))

    def find_champion(self, model: str) -> Version | None:
        """The version that the alias champion names, or None when nothing has that alias."""
        try:
            reply = self.server.get("registered-models/alias", name=model, alias=CHAMPION)
        except NotFound:
            return None
        except Rejected as error:
            if error.code == "INVALID_PARAMETER_VALUE":  # how MLflow says that a known model has no such alias
                return None
            raise
        return _read_version(reply["model_version"])

    def find(self, model: str, number: int) -> Version | None:
        """One version, or None when it does not exist (any more)."""
        try:
            return _read_version(
                self.server.get("model-versions/get", name=model, version=str(number))["model_version"]
            )
        except NotFound:
            return None

    def load_version(self, model: str, number: int) -> Version:
        """One version. Raises `BadConfig` when it does not exist (any more)."""
        version = self.find(model, number)
        if version is None:
            raise BadConfig(f"version {number} of model {model} is not in MLflow's registry: was it deleted?")
        return version

    def find_version_by_key(self, model: str, key: str) -> Version | None:
        """The version registered for this piece of work. Of two that a lost reply made, always the first."""
        return next(iter(self.list_tagged_versions(model, KEY, key)), None)

    def list_tagged_versions(self, model: str, tag: str, value: str) -> list[Version]:
        """The versions (at most 100) whose tag has this value, the oldest first."""
        query = f"name = {_quote(model)} AND tags.`{tag}` = {_quote(value)}"
        reply = self.server.get("model-versions/search", filter=query, max_results="100")
        versions = [_read_version(entry) for entry in reply.get("model_versions", [])]
        return sorted(versions, key=lambda version: version.number)

    def find_model(self, model: str) -> RegisteredModel | None:
        """The registered model with its alias and its tags in one reply; None when there is none."""
        try:
            reply = self.server.get("registered-models/get", name=model)["registered_model"]
        except NotFound:
            return None
        aliases = {entry["alias"]: int(entry["version"]) for entry in reply.get("aliases", [])}
        return RegisteredModel(aliases.get(CHAMPION), _read_tags(reply))

    def tag_model(self, model: str, tag: str, value: str) -> None:
        """Sets a tag of a registered model, over an earlier value."""
        self.server.post("registered-models/set-tag", {"name": model, "key": tag, "value": value})

    def set_champion(self, model: str, number: int) -> None:
        """Moves the alias to a version. Raises `BadConfig` when the version does not exist (any more)."""
        try:
            self.server.post("registered-models/alias", {"name": model, "alias": CHAMPION, "version": str(number)})
        except NotFound as error:
            raise BadConfig(
                f"version {number} of model {model} is not in MLflow's registry: was it deleted?"
            ) from error

    def remove_champion(self, model: str) -> None:
        """Removes the alias, if it is there."""
        with suppress(NotFound):
            self.server.delete("registered-models/alias", {"name": model, "alias": CHAMPION})

    def register(self, model: str, run_id: str, model_id: str, tags: Mapping[str, str]) -> Version:
        """Registers a logged model as one new version, tagged; finds the version again when the reply is lost."""
        self._create_model(model)
        body = {
            "name": model,
            "source": f"models:/{model_id}",
            "run_id": run_id,
            "model_id": model_id,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }

        def find() -> Version | None:
            return self.find_version_by_key(model, tags[KEY])

        if find() is None:
            self.server.create("model-versions/create", body, find)
        existing = find()
        if existing is None:
            raise TryLater(f"MLflow did not register the version of run {run_id}")
        return self._wait_until_ready(existing)

    def tag_version(self, version: Version, tags: Mapping[str, str]) -> None:
        """Sets tags of a version, over earlier values."""
        for key, value in tags.items():
            body = {"name": version.model, "version": str(version.number), "key": key, "value": value}
            self.server.post("model-versions/set-tag", body)

    def compute_digest(self, version: Version) -> str | None:
        """The SHA-256 of the model as it is stored now, or None when its file is gone."""
        try:
            return hashlib.sha256(
                self.server.load_artifact(f"{self.build_files_path(version)}/{MODEL_FILE}")
            ).hexdigest()
        except NotFound:
            return None

    def prepare(self, experiment: str, night: date) -> None:
        """Makes sure that a run can be stored, before any work is done for it, and closes what was left open.

        Raises `BadConfig` for a server that is too old, or an experiment that no pod can write to.
        """
        runs.prepare(self.server, experiment, night)

    def finish_run(self, run_id: str) -> None:
        """Marks a run as finished, if an attempt that was killed left it open, and removes what is not whole in it."""
        info = self.server.get("runs/get", run_id=run_id)["run"]["info"]
        if info["status"] != "FINISHED":
            runs.abandon(self.server, str(info["experiment_id"]), run_id)
            self.server.post(
                "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": int(time.time() * 1000)}
            )

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Sets tags of a run, over earlier values."""
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        self.server.post("runs/log-batch", {"run_id": run_id, "tags": pairs})

    def measure(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Logs metrics of a run."""
        now = int(time.time() * 1000)
        points = [{"key": key, "value": value, "timestamp": now, "step": 0} for key, value in metrics.items()]
        self.server.post("runs/log-batch", {"run_id": run_id, "metrics": points})

    def attach(self, run_id: str, name: str, data: bytes) -> None:
        """Stores an artifact of a run."""
        self.server.put_artifact(f"{self._run_folder(run_id)}/{name}", data)

    def load_attachment(self, run_id: str, name: str) -> Any | None:
        """A JSON artifact of a run, or None when there is none."""
        try:
            return json.loads(self.server.load_artifact(f"{self._run_folder(run_id)}/{name}"))
        except NotFound:
            return None
        except (ValueError, RecursionError):
            message = f"{name} of run {run_id} in MLflow is no JSON: it was edited, or not written whole"
            raise BadConfig(f"{message}; delete the run, then train the night again") from None

    def build_files_path(self, version: Version) -> str:
        """The folder of a version's files, as a path on the server."""
        reply = self.server.get("model-versions/get-download-uri", name=version.model, version=str(version.number))
        return runs.get_proxied_path(reply["artifact_uri"])

    def _run_folder(self, run_id: str) -> str:
        return runs.run_folder(self.server, run_id)

    def _create_model(self, model: str) -> None:
        try:
            self.server.post("registered-models/create", {"name": model})
        except Rejected as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _wait_until_ready(self, version: Version) -> Version:
        deadline = time.monotonic() + REGISTERED_WITHIN
        while time.monotonic() < deadline:
            reply = self.server.get("model-versions/get", name=version.model, version=str(version.number))
            if reply["model_version"].get("status", "READY") == "READY":
                return version
            time.sleep(0.2)
        raise TryLater(f"version {version.number} of {version.model} did not become ready in {REGISTERED_WITHIN:.0f} s")
