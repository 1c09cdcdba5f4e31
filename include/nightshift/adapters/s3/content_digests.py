"""The content digests of partitions, each computed once per state of the partition's objects and kept in the bucket.

Key: `digests/<format>/<of the partition's URI>/<physical digest>.json`.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.content_digest import FORMAT


def find_stored(store: ObjectStore, partition: str, physical: str) -> str | None:
    """The content digest of a partition in this state, or None when nobody computed it yet."""
    stored: Any = store.get_json(_build_location(store, partition, physical))
    content = stored.get("content") if isinstance(stored, dict) else None
    return content if isinstance(content, str) and content else None


def store_digest(store: ObjectStore, partition: str, physical: str, content: str) -> None:
    """Keeps the content digest of a partition in this state."""
    store.put_json(_build_location(store, partition, physical), {"partition": partition, "content": content})


def find(store: ObjectStore, partition: str, physical: str, compute: Callable[[], str]) -> str:
    """The content digest of a partition in this state; computed and kept when it is not known."""
    digest = find_stored(store, partition, physical)
    if digest is None:
        digest = compute()
        store_digest(store, partition, physical, digest)
    return digest


def _build_location(store: ObjectStore, partition: str, physical: str) -> str:
    named = hashlib.sha256(partition.encode()).hexdigest()[:32]
    return store.build_uri(f"digests/{FORMAT}/{named}/{physical}.json")
