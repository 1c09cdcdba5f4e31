"""Training runs and logged models of the MLflow server, without importing MLflow: opened, closed, and cleaned up.

A run is found again by its idempotency key. What an attempt left that was killed is closed by the next attempt of its
night; what one left that nobody followed, by any attempt of the model a day later.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from nightshift.adapters.mlflow.connection import Server
from nightshift.adapters.mlflow.request_errors import ELSEWHERE, NotFound, Rejected, name_server
from nightshift.errors import BadConfig, TryLater

log = logging.getLogger("nightshift.train")
KEY = "nightshift.idempotency_key"
NIGHT = "nightshift.night"
ATTEMPT = "nightshift.attempt"
PROXIED = "mlflow-artifacts:"
OLDEST = (3, 0)
"""The first MLflow with logged models."""
VERSION = re.compile(r"\A([0-9]{1,4})\.([0-9]{1,4})[.0-9a-z+-]{0,40}\Z")
FORGOTTEN = timedelta(days=1)
"""How old a run is that nobody will follow any more, whatever its night."""
PENDING = "LOGGED_MODEL_PENDING"


def prepare(server: Server, experiment: str, night: date) -> str:
    """Makes sure that a run of this night can be stored; returns the experiment's id.

    Raises `BadConfig` for a server or an experiment that cannot keep a run. Closes what earlier attempts left open.
    """
    require_logged_models(server)
    number = find_or_create_experiment(server, experiment)
    close_left_runs(server, number, night)
    return number


_checked: set[str] = set()


def require_logged_models(server: Server) -> None:
    """Raises `BadConfig` for a server that is too old, or no MLflow. Asked once per process."""
    url = server.url
    if url in _checked:
        return
    text = server.read_version()
    version = VERSION.match(text)
    if text and version is None:
        raise BadConfig(f"{name_server(url)} answered GET /version with something that is no version: {ELSEWHERE}")
    if version is not None and (int(version[1]), int(version[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BadConfig(
            f"{name_server(url)} is version {text}, which has no logged models: it must be {oldest} or later"
        )
    _checked.add(url)


def find_or_create_experiment(server: Server, name: str) -> str:
    """The experiment of a model, made when there is none. Raises `BadConfig` for one that no pod can write to."""
    experiment = _find_experiment(server, name)
    if experiment is None:
        try:
            server.post("experiments/create", {"name": name})
        except Rejected as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":  # another step was first, or the reply of a first try was lost
                raise
        experiment = _find_experiment(server, name)
    if experiment is None:
        raise TryLater(f"{name_server(server.url)} made experiment {name!r} and does not find it")
    if experiment.get("lifecycle_stage") == "deleted":
        restore = f"`mlflow experiments restore --experiment-id {experiment['experiment_id']}`"
        raise BadConfig(f"experiment {name!r} is deleted in MLflow: restore it with {restore}, or remove it for good")
    location = str(experiment.get("artifact_location", ""))
    if not location.startswith(PROXIED):
        raise BadConfig(_describe_foreign_root(name, location))
    return str(experiment["experiment_id"])


def _describe_foreign_root(name: str, location: str) -> str:
    scheme = location.split(":", 1)[0] if ":" in location else "a path"
    return (
        f"experiment {name!r} of MLflow keeps its files under {scheme}:, past the MLflow server, where a step has no "
        "rights: start the server with --serve-artifacts and without a default root of its own, then rename or remove "
        "this experiment, so that one is made under mlflow-artifacts:"
    )


def _find_experiment(server: Server, name: str) -> dict[str, Any] | None:
    try:
        experiment: dict[str, Any] = server.get("experiments/get-by-name", experiment_name=name)["experiment"]
    except NotFound:
        return None
    return experiment


def open_run(server: Server, experiment: str, name: str, key: str, tags: Mapping[str, str]) -> str:
    """The run with this key, running: found again, or made."""
    existing = _find_run_by_key(server, experiment, key)
    if existing is None:
        pairs = [{"key": tag, "value": value} for tag, value in {**tags, KEY: key}.items()]
        body = {"experiment_id": experiment, "run_name": name, "start_time": _get_milliseconds(), "tags": pairs}
        created = server.create("runs/create", body, lambda: _find_run_by_key(server, experiment, key))
        return created if isinstance(created, str) else str(created["run"]["info"]["run_id"])
    server.post("runs/update", {"run_id": existing, "status": "RUNNING"})
    return existing


def _find_run_by_key(server: Server, experiment: str, key: str) -> str | None:
    run = next(_list_runs(server, experiment, f"tags.`{KEY}` = '{key}'"), None)
    return None if run is None else str(run["info"]["run_id"])


def _list_runs(server: Server, experiment: str, condition: str) -> Iterator[dict[str, Any]]:
    """The runs of an experiment, the oldest first."""
    body = {"experiment_ids": [experiment], "filter": condition, "max_results": 200}
    yield from server.post("runs/search", {**body, "order_by": ["attributes.start_time ASC"]}).get("runs", [])


def run_folder(server: Server, run: str) -> str:
    """The folder of a run's files, as a path on the server. Raises `BadConfig` when the run is gone."""
    try:
        return get_proxied_path(server.get("runs/get", run_id=run)["run"]["info"]["artifact_uri"])
    except NotFound:
        raise BadConfig(f"run {run} is not in MLflow: was it deleted?") from None


def get_proxied_path(uri: str) -> str:
    """The path on the server of what it stores. Raises `BadConfig` for files that lie past the server."""
    if not uri.startswith(PROXIED):
        scheme = uri.split(":", 1)[0]
        message = f"a file of MLflow under {scheme}: is not served by MLflow"
        raise BadConfig(f"{message}: run it with --serve-artifacts and a mlflow-artifacts: root")
    return uri.removeprefix(PROXIED).lstrip("/")


def close_left_runs(server: Server, experiment: str, night: date) -> None:
    """Ends the runs that a killed attempt left running: those of this night, and those of any that are a day old."""
    old = _get_milliseconds() - FORGOTTEN.total_seconds() * 1000
    for run in _list_runs(server, experiment, "attributes.status = 'RUNNING'"):
        tags = {tag["key"]: tag.get("value", "") for tag in run.get("data", {}).get("tags", [])}
        if tags.get(NIGHT) == night.isoformat() or int(run["info"].get("start_time", 0)) < old:
            log.info("run %s was left open by an attempt that was cut short: it is closed", run["info"]["run_id"])
            abandon(server, experiment, str(run["info"]["run_id"]))


def abandon(server: Server, experiment: str, run: str) -> None:
    """Marks a run as failed, and removes the models that were never stored whole."""
    server.post("runs/update", {"run_id": run, "status": "FAILED", "end_time": _get_milliseconds()})
    remove_models(server, experiment, run, lambda model: model.get("status") == PENDING)


def remove_models(server: Server, experiment: str, run: str, unwanted: Callable[[Mapping[str, Any]], bool]) -> None:
    """Removes those logged models of a run that are not wanted."""
    for model in list_logged_models(server, experiment, run):
        if unwanted(model):
            try:
                server.delete(f"logged-models/{model['model_id']}", {})
            except NotFound:  # by the first try
                continue


def list_logged_models(server: Server, experiment: str, run: str) -> list[dict[str, Any]]:
    """What MLflow has of each logged model of a run."""
    body = {"experiment_ids": [experiment], "filter": f"source_run_id = '{run}'", "max_results": 50}
    return [model["info"] for model in server.post("logged-models/search", body).get("models", [])]


def create_model(server: Server, experiment: str, run: str, name: str, attempt: str) -> tuple[str, str]:
    """Makes a logged model that waits for its files; returns its id and where they go."""

    def find() -> dict[str, Any] | None:
        models = list_logged_models(server, experiment, run)
        return next(({"model": {"info": model}} for model in models if _get_attempt(model) == attempt), None)

    body = {"experiment_id": experiment, "name": name, "source_run_id": run}
    created = server.create("logged-models", {**body, "tags": [{"key": ATTEMPT, "value": attempt}]}, find)
    return str(created["model"]["info"]["model_id"]), str(created["model"]["info"]["artifact_uri"])


def _get_attempt(model: Mapping[str, Any]) -> str:
    return next((tag.get("value", "") for tag in model.get("tags", []) if tag["key"] == ATTEMPT), "")


def add_output(server: Server, run: str, model: str) -> None:
    """Names a logged model as what a run made."""

    def find() -> bool | None:
        outputs = server.get("runs/get", run_id=run)["run"].get("outputs", {}).get("model_outputs", [])
        return any(output.get("model_id") == model for output in outputs) or None

    server.create("runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 0}]}, find)


def _get_milliseconds() -> int:
    return int(time.time() * 1000)
