"""Tables in object storage: plain Parquet files under a partition's URI.

What is read is what was listed: every file is asked for by the ETag that its digest is made of. One that was replaced
in between is not read, and no message names an object inside of a partition.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightshift.adapters.s3 import manifests
from nightshift.adapters.s3.manifests import Manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.content_digest import compute_digest
from nightshift.errors import DataRejected, TryLater
from nightshift.lake.parquet_file import decode, show
from nightshift.lake.partitions import FIXED, Listed, sort_out
from nightshift.lake.to_pandas import make_frame
from nightshift.lake.unify_types import combine_tables, make_plain_type

__all__ = ["Partition", "decode", "encode", "list_partition", "read", "read_frame", "read_listed", "read_partition"]
PART = "part-0.parquet"
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""What Hive and Spark call the folder of rows in which the column is null."""
TRIES = 3
"""How often a partition that is replaced while it is read is listed and read anew."""


@dataclass(frozen=True)
class Partition:
    """One partition as it was read. `physical`: digest of its objects, `content`: of its rows, `files`: their count."""

    frame: pd.DataFrame
    physical: str
    content: str
    files: int


class Replaced(TryLater):
    """A partition was replaced while it was read."""

    def __init__(self, folder: str) -> None:
        super().__init__(f"{folder} was replaced while it was read: this step starts again")


def encode(frame: pd.DataFrame) -> bytes:
    """A frame as one Parquet file, its index left out. Equal frames give equal bytes."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink, compression="zstd")
    return sink.getvalue()


def write_partition(store: ObjectStore, uri_prefix: str, frame: pd.DataFrame) -> str:
    """Writes a frame as the partition's one file, over an earlier one. Returns the file's URI."""
    uri = f"{uri_prefix.rstrip('/')}/{PART}"
    store.put(uri, encode(frame))
    return uri


def read(store: ObjectStore, uri_prefix: str) -> pd.DataFrame:
    """The rows of one partition: the files its manifest names, or without one every Parquet file under it.

    Raises `DataRejected`, naming the URI, when the partition is missing, empty, corrupt, not what its manifest says, or
    holds what cannot be read exactly; `TryLater` when it is replaced again and again.
    """
    return read_frame(read_table(store, uri_prefix), uri_prefix)


def read_table(store: ObjectStore, uri_prefix: str) -> pa.Table:
    """As `read`, with the types that were delivered; a table may have no rows."""
    return _read_now(store, uri_prefix)[1]


def read_partition(store: ObjectStore, folder: str) -> Partition:
    """A partition with its digests, read as it is now. Raises as `read` does."""
    listed, table = _read_now(store, folder)
    frame = read_frame(table, folder)
    return Partition(frame, listed.physical, compute_digest(table), len(listed.files))


def list_partition(store: ObjectStore, uri_prefix: str) -> Listed:
    """What lies in a partition. Raises `DataRejected` when that is not only plain Parquet files and markers."""
    folder = uri_prefix.rstrip("/") + "/"
    return sort_out(store.list_objects(folder), folder)


def _read_now(store: ObjectStore, uri_prefix: str) -> tuple[Listed, pa.Table]:
    for _ in range(TRIES - 1):
        listed = list_partition(store, uri_prefix)
        try:
            return listed, read_listed(store, listed)
        except Replaced:
            continue
    listed = list_partition(store, uri_prefix)
    return listed, read_listed(store, listed)


def read_listed(store: ObjectStore, listed: Listed) -> pa.Table:
    """The rows of a partition as it was listed, in the types that were delivered.

    Raises `TryLater` when an object was replaced since, and `DataRejected` as `read` does.
    """
    if listed.manifest is not None:
        return _read_published(store, listed, listed.manifest.etag)
    if not listed.files:
        raise DataRejected(f"{listed.folder} holds no Parquet file: the partition is missing; {FIXED}")
    tables = []
    for number, stored in enumerate(listed.files, start=1):
        data = store.get_pinned(stored.uri, stored.etag)
        if data is None:
            raise Replaced(listed.folder)
        where = f"{listed.folder}: file {number} of {len(listed.files)} (by name)"
        tables.append(decode(data, where))
        _require_key_columns(tables[-1], listed.keys.get(stored.uri, ()), where)
    return combine_tables(tables, listed.folder)


def read_frame(table: pa.Table, uri_prefix: str) -> pd.DataFrame:
    """The rows of a partition for features and suites. Raises `DataRejected` when there are none."""
    folder = uri_prefix.rstrip("/") + "/"
    if not table.num_rows:
        raise DataRejected(f"{folder} has no rows: the partition is empty; {FIXED}")
    return make_frame(table, folder)


def _require_key_columns(table: pa.Table, keys: Sequence[tuple[str, str]], where: str) -> None:
    """Raises `DataRejected` unless the columns that a file's folders stand for are in the file, with these values."""
    for name, value in keys:
        if name not in table.column_names:
            raise DataRejected(
                f"{where} lies in a folder that stands for a column {show(name)}, which the file itself does not hold: "
                "columns in the names of folders are not read; write that column into the files"
            )
        if not _has_only(table[name], value):
            raise DataRejected(
                f"{where} lies in a folder that stands for a column {show(name)}, and the file holds other values in "
                f"that column; {FIXED}"
            )


def _has_only(column: pa.ChunkedArray, value: str) -> bool:
    if value == HIVE_NULL:
        return bool(column.null_count == len(column))
    try:
        plain = column.cast(make_plain_type(column.type))
        same = pc.all(pc.equal(plain, pa.scalar(value).cast(plain.type))).as_py()
    except (pa.ArrowException, ValueError):
        return False
    return not column.null_count and same is not False


def _read_published(store: ObjectStore, listed: Listed, etag: str) -> pa.Table:
    """The rows of the files that a manifest names, which must be the manifest that was listed."""
    published = manifests.load_manifest(store, listed.folder)
    if published is None or published.etag != etag:
        raise Replaced(listed.folder)
    try:
        return _require_count(
            published, combine_tables(_read_files(store, published, listed.folder), listed.folder), listed
        )
    except DataRejected:
        newer = manifests.load_manifest(store, listed.folder)
        if newer is None or newer.etag != etag:
            raise Replaced(listed.folder) from None
        raise


def _read_files(store: ObjectStore, published: Manifest, folder: str) -> list[pa.Table]:
    tables = []
    for number, uri in enumerate(published.list_uris(folder), start=1):
        data = store.get(uri)
        where = f"{folder}: file {number} of {len(published.files)} of its manifest"
        if data is None:
            raise DataRejected(f"{where} vanished: publish the partition again")
        tables.append(decode(data, where))
    return tables


def _require_count(published: Manifest, table: pa.Table, listed: Listed) -> pa.Table:
    if table.num_rows != published.rows:
        raise DataRejected(
            f"{listed.folder} holds {table.num_rows} rows where its manifest says {published.rows}: {FIXED}"
        )
    return table
