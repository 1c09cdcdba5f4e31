"""Tables in object storage: plain Parquet files under a partition's URI."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.adapters import manifests
from nightshift.adapters.manifests import Manifest
from nightshift.adapters.storage import ObjectStore, StoredObject
from nightshift.errors import DataRejected

PART = "part-0.parquet"
FIXED = "fix or land the partition, then run this night again"


def encode(frame: pd.DataFrame) -> bytes:
    """A frame as one Parquet file, its index left out. Equal frames give equal bytes."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink, compression="zstd")
    return sink.getvalue()


def decode(data: bytes, uri: str) -> pa.Table:
    """One Parquet file as a table. Raises `DataRejected` naming `uri` when it is not readable."""
    try:
        return pq.read_table(io.BytesIO(data), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DataRejected(f"{uri} is not a readable Parquet file ({len(data)} bytes): {FIXED}") from error


def write_partition(store: ObjectStore, uri_prefix: str, frame: pd.DataFrame) -> str:
    """Writes a frame as the partition's one file, over an earlier one. Returns the file's URI."""
    uri = f"{uri_prefix.rstrip('/')}/{PART}"
    store.put(uri, encode(frame))
    return uri


def read(store: ObjectStore, uri_prefix: str) -> pd.DataFrame:
    """The rows of one partition: the files its manifest names, or without one every Parquet file under it.

    Raises `DataRejected`, naming the URI, when the partition is missing, empty, corrupt, or not what its manifest says.
    """
    return as_frame(read_table(store, uri_prefix), uri_prefix)


def read_table(store: ObjectStore, uri_prefix: str) -> pa.Table:
    """As `read`, with the types that were delivered; a table may have no rows."""
    folder = uri_prefix.rstrip("/") + "/"
    objects = store.objects(folder)
    if any(o.uri == manifests.location(folder) for o in objects):
        return _together(_published(store, folder), folder)
    uris = [o.uri for o in objects if _is_plain(o, folder)]
    if not uris:
        raise DataRejected(f"{folder} holds no Parquet file: the partition is missing; {FIXED}")
    return _together([_table(store, uri) for uri in uris], folder)


def _is_plain(stored: StoredObject, folder: str) -> bool:
    """Whether an object of a partition without a manifest is data: hidden files and unfinished attempts are not."""
    parts = stored.uri.removeprefix(folder).split("/")
    return parts[-1].endswith(".parquet") and not any(part.startswith(("_", ".", "attempt=")) for part in parts)


def _table(store: ObjectStore, uri: str) -> pa.Table:
    data = store.get(uri)
    if data is None:
        raise DataRejected(f"{uri} vanished while it was read: {FIXED}")
    return decode(data, uri)


def _published(store: ObjectStore, folder: str) -> list[pa.Table]:
    """The tables of the manifest; one that is replaced while its files are read is followed to the new one."""
    found = manifests.manifest(store, folder)
    while found is not None:
        try:
            return _counted(found, [_table(store, uri) for uri in found.uris(folder)], folder)
        except DataRejected:
            newer = manifests.manifest(store, folder)
            if newer is None or newer.etag == found.etag:
                raise
            found = newer
    raise DataRejected(f"the manifest of {folder} vanished while it was read: {FIXED}")


def _counted(found: Manifest, tables: list[pa.Table], folder: str) -> list[pa.Table]:
    rows = sum(table.num_rows for table in tables)
    if rows != found.rows:
        raise DataRejected(f"{folder} holds {rows} rows where its manifest says {found.rows}: {FIXED}")
    return tables


def _together(tables: list[pa.Table], folder: str) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowException, ValueError) as error:
        raise DataRejected(f"the Parquet files of {folder} do not fit together: {error}; {FIXED}") from error


def as_frame(table: pa.Table, uri_prefix: str) -> pd.DataFrame:
    """The rows of a partition for features and suites. Raises `DataRejected` when there are none."""
    folder = uri_prefix.rstrip("/") + "/"
    try:
        frame: pd.DataFrame = table.to_pandas(date_as_object=False, use_threads=False)
    except (pa.ArrowException, ValueError) as error:
        raise DataRejected(f"the Parquet files of {folder} do not fit together: {error}; {FIXED}") from error
    if frame.empty:
        raise DataRejected(f"{folder} has no rows: the partition is empty; {FIXED}")
    return frame
