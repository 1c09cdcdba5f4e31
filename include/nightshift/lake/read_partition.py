"""A partition as `validate` reads it: which objects it has, which content, and its rows when they are wanted."""

import pandas as pd

from nightshift.adapters.s3 import content_digests
from nightshift.adapters.s3.object_store import ObjectStore, digest_objects
from nightshift.errors import DataRejected
from nightshift.lake import table_formats, tables
from nightshift.lake.partitions import Listed


class Reading:
    """One partition as it is now.

    `physical` is the digest of its objects and `content` that of its rows: known from an earlier reading of the same
    objects, or computed now. `content` is empty when the partition cannot be read; `read_rows` then says why.
    """

    def __init__(self, store: ObjectStore, folder: str) -> None:
        """Raises `TryLater` when the store fails, or the partition is replaced again and again."""
        self._store, self._folder = store, folder
        self._problem = ""
        self._frame: pd.DataFrame | None = None
        self._listed: Listed | None = None
        self.physical, self.content = "", ""
        try:
            self._list()
        except DataRejected as error:
            self._problem = str(error)
            self.physical = self.physical or digest_objects(store.list_objects(folder))

    @property
    def identity(self) -> str:
        """What a check of this partition is about: its rows, or the objects of which they cannot be read, and why."""
        return self.content or f"unreadable {self.physical} {self._problem}"

    def _list(self) -> None:
        table_formats.require_plain(self._store, self._folder, table_formats.list_levels(self._folder))
        self._listed = tables.list_partition(self._store, self._folder)
        self.physical = self._listed.physical
        known = content_digests.find_stored(self._store, self._folder, self.physical)
        if known is not None:
            self.content = known
            return
        read = tables.read_partition(self._store, self._folder)
        self._frame, self.physical, self.content = read.frame, read.physical, read.content
        content_digests.store_digest(self._store, self._folder, read.physical, read.content)

    def read_rows(self) -> pd.DataFrame:
        """The rows. Raises `DataRejected` when they cannot be read, and `TryLater` when they were replaced since."""
        if self._listed is None or self._problem:
            raise DataRejected(self._problem)
        if self._frame is None:
            self._frame = tables.read_frame(tables.read_listed(self._store, self._listed), self._folder)
        return self._frame
