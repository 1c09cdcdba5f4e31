"""The manifest of a partition: the one small object whose appearance publishes what was written beside it.

It stands at `<partition>/_MANIFEST.json` and names the attempt and the files that count. Everything else is an orphan.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nightshift.adapters.storage import ObjectStore, as_json
from nightshift.errors import DataRejected

NAME = "_MANIFEST.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a partition holds: `files` are URIs relative to it, `rows` their rows together.

    `meta` is the writer's own (JSON types). `etag` is that of the stored object and no part of it.
    """

    attempt: str
    files: tuple[str, ...]
    rows: int
    published: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    etag: str = field(default="", compare=False)

    def as_json(self) -> bytes:
        """The manifest as it is stored."""
        return as_json(
            {
                "attempt": self.attempt,
                "files": list(self.files),
                "rows": self.rows,
                "published": self.published,
                "meta": dict(self.meta),
            }
        )


def location(partition_uri: str) -> str:
    """Where the manifest of a partition stands."""
    return f"{partition_uri.rstrip('/')}/{NAME}"


def manifest(store: ObjectStore, partition_uri: str) -> Manifest | None:
    """The manifest of a partition, or None when nothing was published there. Raises `DataRejected` when unreadable."""
    found = store.get_tagged(location(partition_uri))
    return None if found is None else parse(*found, where=location(partition_uri))


def parse(data: bytes, etag: str, where: str) -> Manifest:
    """A stored manifest. Raises `DataRejected` naming `where` when it is none."""
    try:
        fields = json.loads(data)
        return Manifest(**{**fields, "files": tuple(fields["files"]), "rows": int(fields["rows"]), "etag": etag})
    except (ValueError, TypeError, KeyError) as error:
        raise DataRejected(f"{where} is not a manifest: publish the partition again") from error
