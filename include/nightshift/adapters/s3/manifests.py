"""The manifest of a partition: the one small object whose appearance publishes what was written elsewhere.

It stands at `<partition>/_MANIFEST.json` and names the attempt and the files that count. A published partition holds
nothing else: its data lies under another root (`build_data_folder`), so that a reader who lists or globs the partition
instead of reading its manifest finds no rows rather than those of several attempts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nightshift.adapters.s3.object_store import ObjectStore, split, to_json
from nightshift.errors import DataRejected

NAME = "_MANIFEST.json"
DATA = "data"
"""The root, in the bucket of the manifests, under which the data of all attempts lies."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a partition holds: `files` are keys in the manifest's own bucket, `rows` their rows together.

    `columns`: the names of the columns by their role, for example `{"key": ["id"], "prediction": "prediction"}`.
    `meta` is the writer's own (JSON types); its `before` lists the earlier publications, the first one first.
    `etag` is that of the stored object and no part of it.
    """

    attempt: str
    files: tuple[str, ...]
    rows: int
    published: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    etag: str = field(default="", compare=False)

    def to_json(self) -> bytes:
        """The manifest as it is stored."""
        return to_json(
            {
                "attempt": self.attempt,
                "files": list(self.files),
                "rows": self.rows,
                "published": self.published,
                "columns": dict(self.columns),
                "meta": dict(self.meta),
            }
        )

    @property
    def before(self) -> tuple[Mapping[str, Any], ...]:
        """The earlier publications of the partition, the first one first."""
        return tuple(self.meta.get("before", ()))

    def list_uris(self, partition_uri: str) -> list[str]:
        """The URIs of the files, for the manifest that stands in this partition."""
        return [f"s3://{split(partition_uri)[0]}/{key}" for key in self.files]


def build_location(partition_uri: str) -> str:
    """Where the manifest of a partition stands."""
    return f"{partition_uri.rstrip('/')}/{NAME}"


def build_data_folder(partition_uri: str) -> str:
    """The URI, ending in a slash, under which the attempts to publish a partition put their data.

    No part of it reads `name=value`: DuckDB, Polars and Arrow would make that a column, in place of a key of that name.
    """
    bucket, key = split(partition_uri)
    return f"s3://{bucket}/{DATA}/{key.strip('/').replace('date=', '')}/"


def load_manifest(store: ObjectStore, partition_uri: str) -> Manifest | None:
    """The manifest of a partition, or None when nothing was published there. Raises `DataRejected` when unreadable."""
    stored = store.get_tagged(build_location(partition_uri))
    return None if stored is None else parse(*stored, where=build_location(partition_uri))


def parse(data: bytes, etag: str, where: str) -> Manifest:
    """A stored manifest. Raises `DataRejected` naming `where` when it is none."""
    try:
        fields = json.loads(data)
        parsed = Manifest(**{**fields, "files": tuple(fields["files"]), "rows": int(fields["rows"]), "etag": etag})
    except (ValueError, TypeError, KeyError):
        raise DataRejected(f"{where} is not a manifest: publish the partition again") from None
    if not _is_sound(parsed):
        raise DataRejected(f"{where} is not a manifest: publish the partition again")
    return parsed


def _is_sound(parsed: Manifest) -> bool:
    texts = (parsed.attempt, parsed.published, *parsed.files)
    before = parsed.meta.get("before", []) if isinstance(parsed.meta, dict) else None
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(parsed.columns, dict)
        and isinstance(before, list)
        and all(isinstance(entry, dict) for entry in before)
    )
