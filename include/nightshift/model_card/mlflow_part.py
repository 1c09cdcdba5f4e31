"""MLflow's part of a model card: from MLflow, and where it was deleted there, from the copy that a card left behind."""

from contextlib import suppress
from dataclasses import dataclass, replace

from nightshift.adapters.mlflow import version_record
from nightshift.adapters.mlflow.connection import NotFound
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.mlflow.version_record import Record, Run
from nightshift.adapters.s3 import ledger_reading
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import ModelContext
from nightshift.model_card import stored_record


@dataclass(frozen=True)
class Source:
    """A record and its pictures, PNG by name. `copied`: it is the copy that was kept, not MLflow's own."""

    record: Record
    pictures: dict[str, bytes]
    copied: bool = False


def load_source(context: ModelContext, number: int) -> Source:
    """MLflow's part of a version. Raises `TryLater` and `BadConfig` as the store and the registry do."""
    store, registry, model = context.store, context.registry, context.name
    record = version_record.record(registry, model, number)
    if not record.registered:
        record = version_record.record(registry, model, number, _run_id(store, model, number))
    if record.run is not None:
        return Source(record, _load_pictures(registry, record.run))
    copy = stored_record.find_record(store, model, number)
    if copy is None:
        return Source(record, {})
    now = replace(copy, registered=record.registered, champion=record.champion)
    return Source(now, load_kept_pictures(store, copy), copied=True)


def load_kept_pictures(store: ObjectStore, record: Record) -> dict[str, bytes]:
    """The pictures that were kept with a record."""
    names = record.run.pictures if record.run else ()
    pictures = {name: stored_record.find_picture(store, record.model, record.number, name) for name in names}
    return {name: data for name, data in pictures.items() if data is not None}


def _run_id(store: ObjectStore, model: str, number: int) -> str:
    """The run of a version that MLflow's registry forgot, by the ledger."""
    entries = ledger_reading.read_all(store, model).entries
    return next((entry.run_id for entry in reversed(entries) if entry.version == number), "")


def _load_pictures(registry: Registry, run: Run) -> dict[str, bytes]:
    pictures = {}
    for name in run.pictures:
        with suppress(NotFound):
            pictures[name] = version_record.load_picture(registry, run, name)
    return pictures
