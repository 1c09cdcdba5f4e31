"""Publishing a table exactly once: data first, then one conditional PUT of the manifest that readers follow.

A writer reads the manifest when it *starts* (`load_manifest`), computes, and returns it as `replacing`. A commit
in between changed it, so that a writer that was overtaken while it computed cannot commit over the newer result.

The reply to that PUT may be lost after the server stored the manifest, and a repeated PUT then fails because of the
first one. So what stands decides, and not the reply: a manifest of this attempt is this attempt's success.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.adapters.s3.attempt_cleanup import sweep
from nightshift.adapters.s3.manifests import Manifest, build_data_folder, build_location, load_manifest
from nightshift.adapters.s3.object_store import ObjectStore, split
from nightshift.errors import NothingToDo, TryLater
from nightshift.instants import format_instant
from nightshift.lake import tables

__all__ = ["Manifest", "Table", "load_manifest", "publish"]

COMMITTED_WITHIN = timedelta(days=1)
"""The longest time from an attempt's data to its commit: far below `attempt_cleanup.KEPT`, when data is removed."""


@dataclass(frozen=True)
class Table:
    """Rows to publish, and the names of their columns by role."""

    rows: pa.Table
    columns: Mapping[str, Any]


def publish(
    store: ObjectStore,
    partition_uri: str,
    table: Table,
    meta: Mapping[str, Any],
    *,
    replacing: Manifest | None,
) -> Manifest:
    """Publishes `table` as the partition's content and returns its manifest, in whose `meta` is `before`, the history.

    `replacing` is the manifest that the caller read before it began to compute; None: there was none. Raises
    `NothingToDo` when another attempt has committed since, and `TryLater` when what was written does not read back, or
    when the store does not answer.
    """
    folder = partition_uri.rstrip("/") + "/"
    written = _write(store, folder, table, {**meta, "before": _load_history(replacing)})
    current = _commit(store, folder, written, replacing)
    if current.attempt == written.attempt:
        sweep(store, folder)
        return current
    if any(entry.get("attempt") == written.attempt for entry in current.before):
        # Its readers may be half way through: the data stays as long as that of any publication that was replaced.
        raise NothingToDo(f"{folder} was published by this attempt and, since then, by a later one: that one stands")
    store.delete(written.list_uris(folder))
    raise NothingToDo(f"{folder} was published by another attempt while this one worked: that one stands")


def _write(store: ObjectStore, folder: str, table: Table, meta: Mapping[str, Any]) -> Manifest:
    attempt, now = uuid4().hex[:16], datetime.now(UTC)
    uri = f"{build_data_folder(folder)}{attempt}/{tables.PART}"
    data = _encode(table.rows)
    store.put(uri, data)
    written = store.get(uri)
    rows = tables.decode(written, uri).num_rows if written == data else None
    if rows != table.rows.num_rows:
        length = "nothing" if written is None else f"{len(written)} bytes"
        raise TryLater(f"{uri} reads back as {length} that are not the {len(data)} bytes that were written")
    return Manifest(
        attempt=attempt,
        files=(split(uri)[1],),
        rows=rows,
        published=format_instant(now),
        columns=dict(table.columns),
        meta=dict(meta),
    )


def _encode(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue()


def _commit(store: ObjectStore, folder: str, written: Manifest, replacing: Manifest | None) -> Manifest:
    """Tries to put our manifest in place of `replacing`; returns the one that stands afterwards.

    Raises `TryLater` when the store does not say which one does, or when nobody's took the place.
    """
    if datetime.now(UTC) - datetime.fromisoformat(written.published) > COMMITTED_WITHIN:
        raise TryLater(f"{folder}: this attempt paused for more than a day before it could publish; begin it again")
    failure: TryLater | None = None
    try:
        _put(store, folder, written, replacing)
    except TryLater as error:  # perhaps only its reply was lost
        failure = error
    current = load_manifest(store, folder)
    if current is not None and current.etag != (replacing.etag if replacing else ""):
        return current
    raise failure or TryLater(f"S3 refused to write {build_location(folder)} although no other attempt had written it")


def _put(store: ObjectStore, folder: str, written: Manifest, replacing: Manifest | None) -> bool:
    if replacing is None:
        return store.put_if_absent(build_location(folder), written.to_json())
    return store.put_if_match(build_location(folder), written.to_json(), replacing.etag)


def _load_history(replaced: Manifest | None) -> list[dict[str, Any]]:
    """What was published here before, the first publication first: what a version scored stays on record."""
    if replaced is None:
        return []
    last = {
        "version": replaced.meta.get("version"),
        "published": replaced.published,
        "rows": replaced.rows,
        "attempt": replaced.attempt,
    }
    return [*map(dict, replaced.before), last]
