"""Everything that MLflow holds of one version, read for its model card: the version, its run, and the files of the run.

What MLflow does not have is empty here, never an error: a run or a version may have been deleted since.
"""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from nightshift.adapters.mlflow.connection import NotFound, Rejected
from nightshift.adapters.mlflow.registry import PROXIED, Registry
from nightshift.errors import BadConfig
from nightshift.instants import format_instant, format_now

DOCUMENTS = ("train.json", "inputs.json", "verdict.json")
ENVIRONMENT = "environment.txt"
PICTURES = "pictures"
AT_ONCE = 6


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training run. `started` and `ended`: ISO 8601 instants in UTC, empty when not recorded.

    `sources`: for each dataset that the run read, the pattern of its partitions' URIs. `documents`: its JSON files by
    name. `environment`: the installed packages. `pictures`: names of PNG files in its folder `pictures`.
    """

    id: str
    experiment: str = ""
    status: str = ""
    deleted: bool = False
    started: str = ""
    ended: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    documents: Mapping[str, Any] = field(default_factory=dict)
    environment: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Record:
    """A version as MLflow has it. `read`: when that was read; `registered`: False when the version is not there.

    `champion`: the version that the alias champion names, None when it names none.
    """

    model: str
    number: int
    read: str
    registered: bool
    created: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    champion: int | None = None
    run: Run | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON types."""
        return asdict(self)


def record(registry: Registry, model: str, number: int, run_id: str = "") -> Record:
    """What MLflow has of a version. `run_id`: its run, for when the version itself is gone.

    Raises `TryLater` when MLflow does not answer and `BadConfig` when it refuses.
    """
    try:
        version = registry.server.get("model-versions/get", name=model, version=str(number))["model_version"]
    except NotFound:
        version = {}
    champion = registry.find_champion(model)
    return Record(
        model=model,
        number=number,
        read=format_now(),
        registered=bool(version),
        created=_format_instant(version.get("creation_timestamp")),
        tags=_read_pairs(version.get("tags", ())),
        champion=champion.number if champion else None,
        run=_run(registry, version.get("run_id") or run_id),
    )


def describe(registry: Registry, model: str, number: int, text: str) -> None:
    """Sets the description of a version. Raises `NotFound` when there is no such version."""
    body = {"name": model, "version": str(number), "description": text}
    registry.server.patch("model-versions/update", body)


def load_picture(registry: Registry, run: Run, name: str) -> bytes:
    """One picture of a run, PNG. Raises `NotFound` when it is gone."""
    return registry.server.load_artifact(f"{run.folder}/{PICTURES}/{name}")


def parse(stored: Mapping[str, Any]) -> Record:
    """A record that `to_dict` made. Raises `BadConfig` when it is none."""
    try:
        run = stored.get("run")
        lists = {"environment": (), "pictures": ()} if run is None else {n: tuple(run[n]) for n in _TUPLES}
        parsed_run = None if run is None else Run(**{**_select_known_fields(Run, run), **lists})
        return Record(**{**_select_known_fields(Record, stored), "run": parsed_run})
    except (TypeError, KeyError, AttributeError) as error:
        raise BadConfig("what is kept of the version is no record: publish its card again") from error


_TUPLES = ("environment", "pictures")


def _select_known_fields(kind: type[Run] | type[Record], stored: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in stored.items() if name in names}


def _run(registry: Registry, run_id: str) -> Run | None:
    if not run_id:
        return None
    try:
        reply = registry.server.get("runs/get", run_id=run_id)["run"]
    except (NotFound, Rejected):
        return None
    info, data = reply["info"], reply.get("data", {})
    folder = _get_proxied_folder(info.get("artifact_uri", ""))
    return Run(
        id=run_id,
        experiment=str(info.get("experiment_id", "")),
        status=str(info.get("status", "")),
        deleted=info.get("lifecycle_stage") == "deleted",
        started=_format_instant(info.get("start_time")),
        ended=_format_instant(info.get("end_time")),
        params=_read_pairs(data.get("params", ())),
        metrics={metric["key"]: float(metric["value"]) for metric in data.get("metrics", ())},
        tags=_read_pairs(data.get("tags", ())),
        sources=_read_sources(reply.get("inputs", {}).get("dataset_inputs", ())),
        folder=folder,
        **(_load_files(registry, folder) if folder else {}),
    )


def _load_files(registry: Registry, folder: str) -> dict[str, Any]:
    """The files of a run. They are listed first: MLflow answers 500 for one that is not there."""
    names = set(registry.server.list_artifacts(folder))
    selected = [name for name in (*DOCUMENTS, ENVIRONMENT) if name in names]
    with ThreadPoolExecutor(AT_ONCE) as readers:
        contents = readers.map(lambda name: registry.server.load_artifact(f"{folder}/{name}"), selected)
        read = dict(zip(selected, contents, strict=True))
    pictures = registry.server.list_artifacts(f"{folder}/{PICTURES}") if PICTURES in names else []
    packages = read.pop(ENVIRONMENT, b"").decode(errors="replace").splitlines()
    return {
        "documents": {name: document for name, data in read.items() if (document := _parse_document(data)) is not None},
        "environment": tuple(line for line in packages if line.strip()),
        "pictures": tuple(sorted(name for name in pictures if name.endswith(".png"))),
    }


def _parse_document(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _read_sources(inputs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    datasets = [dataset["dataset"] for dataset in inputs]
    return {str(dataset["name"]): str(dataset.get("source", "")) for dataset in datasets}


def _get_proxied_folder(uri: str) -> str:
    return uri.removeprefix(PROXIED).lstrip("/") if uri.startswith(PROXIED) else ""


def _read_pairs(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(item["key"]): str(item.get("value", "")) for item in items}


def _format_instant(milliseconds: Any) -> str:
    """MLflow counts milliseconds since 1970, as a number or as text."""
    try:
        return format_instant(datetime.fromtimestamp(int(milliseconds) / 1000, UTC))
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
