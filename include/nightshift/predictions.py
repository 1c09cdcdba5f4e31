"""Published predictions, for whoever uses them: `read` them, or ask `uris` where their files are.

    from nightshift import predictions

    table = predictions.read("flights", "2013-02-09")  # a pyarrow.Table

The night is the run's, as in `nightshift score flights 2013-02-09`: the predictions are those for the next day. The
environment leads to the store as it does for a step: `NIGHTSHIFT_S3_ENDPOINT`, `NIGHTSHIFT_S3_BUCKET`, and the standard
variables of AWS for the credentials. Nothing of the model's folder is needed. Every function raises `DataRejected` when
nothing is published, `BadConfig` for a name or a night that is none and for settings that are wrong, and `TryLater`
when the store does not answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightshift.adapters.s3.manifests import NAME as MANIFEST
from nightshift.adapters.s3.manifests import Manifest, build_location, load_manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import NAME, parse_night
from nightshift.errors import BadConfig, DataRejected
from nightshift.settings import StorageSettings
from nightshift.settings import read as read_settings

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_PERIOD = timedelta(days=31)
"""How far the day that a night scores may lie ahead: the longest `Schedule.days`."""


@dataclass(frozen=True)
class Predictions:
    """One publication: what the run of `night` predicted for `day`.

    `columns`: their names by role: `key` (a list), `night` (the day that is scored), `prediction`, `model_version`.
    `uris`: the files. They stay as they are: a later publication has files of its own. `manifest`: its URI.
    """

    model: str
    night: date
    day: date
    version: int | None
    rows: int
    published: str
    columns: Mapping[str, Any]
    uris: tuple[str, ...]
    manifest: str


def read(model: str, night: date | str) -> "pa.Table":
    """The predictions that a night's run made: the key columns as they were delivered, and the platform's columns.

    Follows the manifest to a newer one when it is replaced meanwhile: the rows are always those of one publication.
    """
    from nightshift.lake.tables import read_table

    store = _store()
    return read_table(store, find(model, night, store).manifest.removesuffix(MANIFEST))


def uris(model: str, night: date | str) -> list[str]:
    """The URIs of the Parquet files with these predictions. They stay readable for seven days once replaced."""
    return list(find(model, night).uris)


def find(model: str, night: date | str, store: ObjectStore | None = None) -> Predictions:
    """What is published of these predictions now. `store`: where; default: the one of the environment."""
    scored_by = _parse_night(night)
    if not NAME.match(model):
        raise BadConfig(f"model {model[:40]!r} is no name of a model: it must match {NAME.pattern}")
    place = store or _store()
    folder = place.build_uri(f"scores/{model}/")
    for uri in _list_manifests_after(place, folder, scored_by):
        partition = uri.removesuffix(MANIFEST)
        published = load_manifest(place, partition)
        if published is not None and published.meta.get("night") == scored_by.isoformat():
            return _describe_predictions(model, scored_by, partition, published)
    raise DataRejected(
        f"no predictions of model {model} that the run of night {scored_by} made are published under {folder}; "
        f"`nightshift score {model} {scored_by}` publishes them. A night scores the rows of the next period: what is "
        f"published there as date={scored_by} was made by an earlier night"
    )


def _store() -> ObjectStore:
    return ObjectStore(read_settings(StorageSettings))


def _parse_night(night: date | str) -> date:
    if isinstance(night, str):
        return parse_night(night)
    return night.date() if isinstance(night, datetime) else night


def _list_manifests_after(store: ObjectStore, folder: str, night: date) -> list[str]:
    """The manifests of the days that the night may have scored: those up to a period later, the nearest first.

    The model's own period would name the day, but not to a reader who has no definition, nor of a night before it was
    changed.
    """
    manifests = store.list_names(folder, after=build_location(f"{folder}date={night.isoformat()}"))
    last = f"{folder}date={(night + LONGEST_PERIOD).isoformat()}/~"
    return [uri for uri in manifests if uri.endswith(f"/{MANIFEST}") and uri < last]


def _describe_predictions(model: str, night: date, partition: str, published: Manifest) -> Predictions:
    version = published.meta.get("version")
    return Predictions(
        model=model,
        night=night,
        day=date.fromisoformat(partition.rstrip("/").rpartition("date=")[2]),
        version=version if isinstance(version, int) else None,
        rows=published.rows,
        published=published.published,
        columns=published.columns,
        uris=tuple(published.list_uris(partition)),
        manifest=build_location(partition),
    )
