"""Folders of table formats: Delta, Iceberg, Hudi and the log of a Spark stream. Plain reading of them is refused.

Such a folder keeps files of rows that were replaced or deleted, and only its log says which ones count. Whoever reads
every Parquet file of it reads replaced rows again.
"""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from nightshift.adapters.s3.object_store import ObjectStore, split
from nightshift.errors import BadConfig, DataRejected

AT_ONCE = 8
ADVICE = (
    "which of its files count is said by the table's own log, which Nightshift does not read; "
    "export the rows of each night as plain Parquet files to a folder outside of the table, and name that in the uri"
)


@dataclass(frozen=True)
class Format:
    """One table format. `mark` begins the names of the objects that it is known by, which match `pattern`."""

    title: str
    mark: str
    pattern: re.Pattern[str]


FORMATS = (
    Format("a Delta table", "_delta_log/", re.compile(r".*", re.DOTALL)),
    Format("a Hudi table", ".hoodie", re.compile(r"/.*|_partition_metadata.*", re.DOTALL)),
    Format(
        "an Iceberg table",
        "metadata/",
        re.compile(r".*\.metadata\.json|version-hint\.text|snap-.*\.avro|.*-m[0-9]+\.avro", re.DOTALL),
    ),
    Format("the output of a Spark stream", "_spark_metadata/", re.compile(r"[0-9]+(\.compact)?")),
)


def find_format(names: Iterable[str]) -> Format | None:
    """The table format that names of objects, relative to one folder, tell of; None for plain files."""
    for name in names:
        for known in FORMATS:
            if name.startswith(known.mark) and known.pattern.fullmatch(name.removeprefix(known.mark)):
                return known
    return None


def refuse(folder: str, known: Format, where: str) -> DataRejected:
    """The refusal of `folder`, in or above which a table's log stands: in the folder `where`."""
    place = "in it" if where == folder else f"in {where}"
    return DataRejected(f"{folder} is part of {known.title} ({known.mark.rstrip('/')} stands {place}): {ADVICE}")


def list_levels(uri: str) -> list[str]:
    """The folders above a URI that ends in a slash, the nearest first and the bucket last."""
    bucket, key = split(uri)
    parts = key.strip("/").split("/")[:-1]
    return [f"s3://{bucket}/{''.join(part + '/' for part in parts[:count])}" for count in range(len(parts), -1, -1)]


def require_plain(store: ObjectStore, folder: str, levels: Sequence[str]) -> None:
    """Raises `DataRejected` when one of these folders above `folder` belongs to a table format.

    One small request per folder and format; they wait for the network together.
    """
    pairs = [(level, known) for level in levels for known in FORMATS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = pool.map(lambda pair: _is_there(store, *pair), pairs)
    for (level, known), is_there in zip(pairs, results, strict=True):
        if is_there:
            raise refuse(folder, known, level)


def _is_there(store: ObjectStore, level: str, known: Format) -> bool:
    # Credentials may be limited to the dataset's own folder: what cannot be listed is not asked about.
    with suppress(BadConfig):
        return find_format(uri.removeprefix(level) for uri in store.list_names(level + known.mark)) is not None
    return False
