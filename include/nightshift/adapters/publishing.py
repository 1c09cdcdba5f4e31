"""Publishing a table exactly once: data first, then one conditional PUT of the manifest that readers follow.

A writer reads the manifest when it *starts* (`manifest`), computes, and hands it back as `replacing`. Whoever committed
in between changed it, so that a writer that was overtaken while it computed cannot commit over the newer result.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pandas as pd

from nightshift.adapters import tables
from nightshift.adapters.manifests import Manifest, location, manifest, parse
from nightshift.adapters.storage import ObjectStore
from nightshift.errors import NothingToDo, TryLater

__all__ = ["Manifest", "manifest", "publish"]


def publish(
    store: ObjectStore,
    partition_uri: str,
    frame: pd.DataFrame,
    meta: Mapping[str, Any],
    *,
    replacing: Manifest | None,
) -> Manifest:
    """Publishes `frame` as the partition's content and returns its manifest.

    `replacing` is the manifest that the caller read before it began to compute; None: there was none. Raises
    `NothingToDo` when another attempt has committed since, and `TryLater` when what was written does not read back.
    """
    folder = partition_uri.rstrip("/") + "/"
    before = _attempts(store, folder)
    ours = _write(store, folder, frame, meta)
    if not _commit(store, folder, ours, replacing):
        store.delete(folder + name for name in ours.files)
        raise NothingToDo(f"{folder} was published by another attempt while this one worked: that one stands")
    kept = {ours.attempt} | ({replacing.attempt} if replacing else set())
    _sweep(store, before, kept)
    return parse(*_stored(store, folder), where=location(folder))


def _write(store: ObjectStore, folder: str, frame: pd.DataFrame, meta: Mapping[str, Any]) -> Manifest:
    attempt = uuid4().hex[:16]
    name = f"attempt={attempt}/{tables.PART}"
    store.put(folder + name, tables.encode(frame))
    written = store.get(folder + name)
    rows = 0 if written is None else tables.decode(written, folder + name).num_rows
    if written is None or rows != len(frame):
        raise TryLater(f"{folder + name} reads back {rows} rows where {len(frame)} were written")
    published = datetime.now(UTC).isoformat(timespec="seconds")
    return Manifest(attempt=attempt, files=(name,), rows=rows, published=published, meta=dict(meta))


def _commit(store: ObjectStore, folder: str, ours: Manifest, replacing: Manifest | None) -> bool:
    if replacing is None:
        return store.put_if_absent(location(folder), ours.as_json())
    return store.put_if_match(location(folder), ours.as_json(), replacing.etag)


def _stored(store: ObjectStore, folder: str) -> tuple[bytes, str]:
    found = store.get_tagged(location(folder))
    if found is None:
        raise TryLater(f"{location(folder)} was written and is gone")
    return found


def _attempts(store: ObjectStore, folder: str) -> dict[str, list[str]]:
    """The objects of every attempt so far, by attempt."""
    found: dict[str, list[str]] = {}
    for stored in store.objects(folder + "attempt="):
        attempt = stored.uri.removeprefix(folder + "attempt=").split("/")[0]
        found.setdefault(attempt, []).append(stored.uri)
    return found


def _sweep(store: ObjectStore, before: dict[str, list[str]], kept: set[str]) -> None:
    """Removes the attempts that were there before ours committed: none of them can commit any more.

    Listed before the commit, so that an attempt begun after it is never touched. The one just replaced stays until the
    next time, for readers that are half way through it.
    """
    for attempt, uris in before.items():
        if attempt not in kept:
            store.delete(uris)
