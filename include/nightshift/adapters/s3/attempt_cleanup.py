"""Removes the data of attempts that no reader can need any more, by age alone.

An attempt's data is needed while its manifest stands, and for `KEPT` after it was replaced: a reader who read the
manifest before may still be reading the files. Data without a manifest is that of an attempt that was killed, or of one
that has not committed yet, which it does within a day (`publish_table.COMMITTED_WITHIN`) or never.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from nightshift.adapters.s3.manifests import NAME, build_data_folder, load_manifest
from nightshift.adapters.s3.object_store import ObjectStore, StoredObject
from nightshift.errors import DataRejected, NightshiftError

log = logging.getLogger("nightshift.publishing")
KEPT = timedelta(days=7)
"""How long replaced and orphaned data stays."""


def sweep(store: ObjectStore, partition_uri: str, now: datetime | None = None) -> None:
    """Removes old data of this partition and of those beside it: of every day of the same model.

    A night is seldom published twice, so each publication looks after the other days too: two listings for a thousand
    days. A failure is logged and no more: the publication stands.
    """
    parent = partition_uri.rstrip("/").rsplit("/", 1)[0] + "/"
    try:
        store.delete(_list_old(store, parent, (now or datetime.now(UTC)) - KEPT))
    except NightshiftError as error:
        log.warning("data of earlier attempts under %s is left for the next time: %s", build_data_folder(parent), error)


def _list_old(store: ObjectStore, parent: str, limit: datetime) -> Iterator[str]:
    """The URIs of data under `parent` that nobody has needed since `limit`."""
    # The data first: whatever is committed in between has a manifest in the second listing.
    days = _list_attempts_by_day(store, build_data_folder(parent))
    published = {stored.uri.split("/")[-2].removeprefix("date="): stored for stored in _list_manifests(store, parent)}
    for day, attempts in days.items():
        old = [stored for stored in attempts if stored.modified < limit]
        # The only data of a published day is what its manifest names: no need to read that.
        if not old or (day in published and len(attempts) == 1):
            continue
        needed = (
            _list_needed_attempts(store, published[day].uri.removesuffix(NAME), limit) if day in published else set()
        )
        yield from (o.uri for o in old if needed is not None and o.uri.split("/")[-2] not in needed)


def _list_attempts_by_day(store: ObjectStore, folder: str) -> dict[str, list[StoredObject]]:
    days: dict[str, list[StoredObject]] = {}
    for stored in store.list_objects(folder):
        days.setdefault(stored.uri.removeprefix(folder).split("/")[0], []).append(stored)
    return days


def _list_manifests(store: ObjectStore, parent: str) -> Iterator[StoredObject]:
    return (stored for stored in store.list_objects(parent) if stored.name == NAME)


def _list_needed_attempts(store: ObjectStore, partition_uri: str, limit: datetime) -> set[str] | None:
    """The attempts that readers may need: the one that stands, and those that were replaced after `limit`.

    None: the manifest cannot be read, so nobody knows.
    """
    try:
        current = load_manifest(store, partition_uri)
    except DataRejected as error:
        log.warning("%s", error)
        return None
    if current is None:
        return set()
    replaced = [*(str(entry.get("published", "")) for entry in current.before[1:]), current.published]
    pairs = zip(current.before, replaced, strict=False)
    return {current.attempt, *(str(entry.get("attempt")) for entry, when in pairs if _is_since(when, limit))}


def _is_since(when: str, limit: datetime) -> bool:
    """Whether an instant is not before `limit`. One that cannot be read counts as recent: nothing is removed."""
    try:
        return datetime.fromisoformat(when) >= limit
    except (ValueError, TypeError):
        return True
