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

    def as_dict(self) -> dict[str, Any]:
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
    champion = registry.champion(model)
    return Record(
        model=model,
        number=number,
        read=format_now(),
        registered=bool(version),
        created=_instant(version.get("creation_timestamp")),
        tags=_pairs(version.get("tags", ())),
        champion=champion.number if champion else None,
        run=_run(registry, version.get("run_id") or run_id),
    )


def describe(registry: Registry, model: str, number: int, text: str) -> None:
    """Sets the description of a version. Raises `NotFound` when there is no such version."""
    body = {"name": model, "version": str(number), "description": text}
    registry.server.patch("model-versions/update", body)


def picture(registry: Registry, run: Run, name: str) -> bytes:
    """One picture of a run, PNG. Raises `NotFound` when it is gone."""
    return registry.server.artifact(f"{run.folder}/{PICTURES}/{name}")


def parse(found: Mapping[str, Any]) -> Record:
    """A record that `as_dict` made. Raises `BadConfig` when it is none."""
    try:
        run = found.get("run")
        lists = {"environment": (), "pictures": ()} if run is None else {n: tuple(run[n]) for n in _TUPLES}
        kept = None if run is None else Run(**{**_known(Run, run), **lists})
        return Record(**{**_known(Record, found), "run": kept})
    except (TypeError, KeyError, AttributeError) as error:
        raise BadConfig("what is kept of the version is no record: publish its card again") from error


_TUPLES = ("environment", "pictures")


def _known(kind: type[Run] | type[Record], found: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in found.items() if name in names}


def _run(registry: Registry, run_id: str) -> Run | None:
    if not run_id:
        return None
    try:
        found = registry.server.get("runs/get", run_id=run_id)["run"]
    except (NotFound, Rejected):
        return None
    info, data = found["info"], found.get("data", {})
    folder = _folder(info.get("artifact_uri", ""))
    return Run(
        id=run_id,
        experiment=str(info.get("experiment_id", "")),
        status=str(info.get("status", "")),
        deleted=info.get("lifecycle_stage") == "deleted",
        started=_instant(info.get("start_time")),
        ended=_instant(info.get("end_time")),
        params=_pairs(data.get("params", ())),
        metrics={one["key"]: float(one["value"]) for one in data.get("metrics", ())},
        tags=_pairs(data.get("tags", ())),
        sources=_sources(found.get("inputs", {}).get("dataset_inputs", ())),
        folder=folder,
        **(_files(registry, folder) if folder else {}),
    )


def _files(registry: Registry, folder: str) -> dict[str, Any]:
    """The files of a run. They are listed first: MLflow answers 500 for one that is not there."""
    names = set(registry.server.artifacts(folder))
    wanted = [name for name in (*DOCUMENTS, ENVIRONMENT) if name in names]
    with ThreadPoolExecutor(AT_ONCE) as readers:
        contents = readers.map(lambda name: registry.server.artifact(f"{folder}/{name}"), wanted)
        read = dict(zip(wanted, contents, strict=True))
    pictures = registry.server.artifacts(f"{folder}/{PICTURES}") if PICTURES in names else []
    packages = read.pop(ENVIRONMENT, b"").decode(errors="replace").splitlines()
    return {
        "documents": {name: document for name, data in read.items() if (document := _document(data)) is not None},
        "environment": tuple(line for line in packages if line.strip()),
        "pictures": tuple(sorted(name for name in pictures if name.endswith(".png"))),
    }


def _document(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _sources(inputs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    datasets = [one["dataset"] for one in inputs]
    return {str(one["name"]): str(one.get("source", "")) for one in datasets}


def _folder(uri: str) -> str:
    return uri.removeprefix(PROXIED).lstrip("/") if uri.startswith(PROXIED) else ""


def _pairs(found: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(one["key"]): str(one.get("value", "")) for one in found}


def _instant(milliseconds: Any) -> str:
    """MLflow counts milliseconds since 1970, as a number or as text."""
    try:
        return format_instant(datetime.fromtimestamp(int(milliseconds) / 1000, UTC))
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
