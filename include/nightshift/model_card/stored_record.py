"""What is kept of a version's MLflow part in the bucket of Nightshift, for readers without a right to MLflow.

`model-cards/<model>/<number>/record.json` and `model-cards/<model>/<number>/pictures/<name>.png`. The record is written
last: where it is, its pictures are. It also outlives the run, should that be deleted.
"""

import re
from collections.abc import Mapping
from typing import Any

from nightshift.adapters.mlflow.version_record import Record, parse
from nightshift.adapters.s3.object_store import ObjectStore

PICTURE = re.compile(r"\A[a-z0-9_]{1,60}\.png\Z")


def keep(store: ObjectStore, record: Record, pictures: Mapping[str, bytes]) -> None:
    """Keeps a record and its pictures, over those of an earlier decision. Raises `TryLater` when the store fails."""
    for name, data in pictures.items():
        store.put(store.build_uri(_build_folder(record.model, record.number) + f"pictures/{name}"), data, "image/png")
    store.put_json(store.build_uri(_build_folder(record.model, record.number) + "record.json"), record.to_dict())


def find_record(store: ObjectStore, model: str, number: int) -> Record | None:
    """The record that was kept, or None. Raises `BadConfig` when the object is no record."""
    document: dict[str, Any] | None = store.get_json(store.build_uri(_build_folder(model, number) + "record.json"))
    return None if document is None else parse(document)


def find_picture(store: ObjectStore, model: str, number: int, name: str) -> bytes | None:
    """A picture that was kept, or None."""
    if not PICTURE.match(name):
        return None
    return store.get(store.build_uri(_build_folder(model, number) + f"pictures/{name}"))


def _build_folder(model: str, number: int) -> str:
    return f"model-cards/{model}/{number}/"
