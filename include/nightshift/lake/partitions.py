"""What lies in a partition's folder: which objects are data, and which must not be passed over.

| object | what becomes of it |
|---|---|
| ends in .parquet, .parq or .pq | data, also in plain subfolders |
| begins with `_` or `.`, or lies in such a folder; a checksum; empty and no data | a marker, ignored |
| lies in a folder `column=value` | data, if the files hold that column themselves; refused otherwise |
| anything else | refused: it may hold rows |

Hidden is what Spark and Hive hide: a folder `_column=value` is none of it. No message names an object.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from nightshift.adapters.s3 import manifests
from nightshift.adapters.s3.object_store import StoredObject, digest_objects
from nightshift.errors import DataRejected
from nightshift.lake import table_formats

DATA = (".parquet", ".parq", ".pq")
CHECKSUMS = (".crc", ".md5", ".sha1", ".sha256", "_$folder$")
KNOWN_ENDINGS = re.compile(
    r"arrow|avro|bin|bz2|csv|dat|db|feather|gz|gzip|json|jsonl|lz4|md|ndjson|orc|pdf|pkl|snappy|sql|tar|tmp|tsv|txt|"
    r"xls|xlsx|xml|yaml|yml|zip|zst|zstd"
)
"""Endings that a message may show. Any other is part of a name, and what is in names is nobody's business in a log."""
FIXED = "fix or land the partition, then run this night again"


@dataclass(frozen=True)
class Listed:
    """The objects of a partition that count, by name. `manifest`: the one that says which files do, if there is one.

    `physical` is the digest of what is read: it changes when a data file, or the manifest, does. A marker does not
    change it. `keys` are the columns that the folders of a file stand for, with their values, by the file's URI.
    """

    folder: str
    files: tuple[StoredObject, ...]
    manifest: StoredObject | None
    keys: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    @property
    def physical(self) -> str:
        """The digest of names, ETags and sizes of what is read."""
        return digest_objects([*self.files, *([self.manifest] if self.manifest else [])])


def sort_out(objects: Iterable[StoredObject], uri: str) -> Listed:
    """What of the objects in a partition's folder is to be read.

    Raises `DataRejected` when the folder belongs to a table format, or holds what is neither data nor a marker.
    """
    folder = uri.rstrip("/") + "/"
    stored = sorted((o for o in objects if o.uri.startswith(folder)), key=lambda o: o.uri)
    if (known := table_formats.find_format(o.uri.removeprefix(folder) for o in stored)) is not None:
        raise table_formats.refuse(folder, known, folder)
    manifest = next((o for o in stored if o.uri == manifests.build_location(folder)), None)
    if manifest is not None:
        return Listed(folder, (), manifest)
    shown = [o for o in stored if not _is_hidden(o.uri.removeprefix(folder))]
    data = tuple(o for o in shown if _is_data(o))
    _require_known(folder, data, [o for o in shown if not _is_data(o) and not _is_marker(o)])
    return Listed(folder, data, None, {o.uri: keys for o in data if (keys := _parse_keys(o.uri.removeprefix(folder)))})


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or (part.startswith("_") and "=" not in part) for part in name.split("/"))


def _is_data(stored: StoredObject) -> bool:
    return stored.name.lower().endswith(DATA)


def _is_marker(stored: StoredObject) -> bool:
    return stored.size == 0 or stored.name.lower().endswith(CHECKSUMS)


def _parse_keys(name: str) -> tuple[tuple[str, str], ...]:
    """The columns and values in the names of a file's folders, as Hive writes them."""
    pairs = (unquote(part).partition("=") for part in name.split("/")[:-1])
    return tuple((key, value) for key, equals, value in pairs if equals)


def _require_known(folder: str, data: Sequence[StoredObject], strange: Sequence[StoredObject]) -> None:
    if not strange:
        return
    endings, files = _count_endings(strange), f"{len(data)} Parquet {'file' if len(data) == 1 else 'files'}"
    held = f"beside {files} {endings}, which may hold rows" if data else f"no Parquet file, but {endings}"
    raise DataRejected(
        f"{folder} holds {held}: data files end in {', '.join(DATA)}. Write the others as these, move them away, or "
        "hide them by a name that begins with _; then run this night again"
    )


def _count_endings(strange: Sequence[StoredObject]) -> str:
    counts = Counter(_get_ending(stored.name) for stored in strange)
    return ", ".join(f"{count} {'object' if count == 1 else 'objects'} {end}" for end, count in sorted(counts.items()))


def _get_ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if not (stem and dot and ending):
        return "without an ending"
    return f"ending in .{ending.lower()}" if KNOWN_ENDINGS.fullmatch(ending.lower()) else "with another ending"
