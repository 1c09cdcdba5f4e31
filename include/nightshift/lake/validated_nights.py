"""The nights of a model's datasets: which of them are validated, unchanged since, and readable.

A night is validated when its `validate` step ended well and each partition that it checked still holds the rows that
it checked, by content digest. What is scheduled is known one period ahead, so its partition was checked by the night
before. A partition whose objects are other ones than `validate` listed is read and compared, once per state.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa

from nightshift.adapters.s3 import content_digests, step_results
from nightshift.adapters.s3.object_store import ObjectStore, StoredObject
from nightshift.core.content_digest import compute_digest
from nightshift.definition import Dataset, Model
from nightshift.errors import DataRejected
from nightshift.lake import table_formats, tables
from nightshift.lake.partitions import Listed, sort_out
from nightshift.result_parts import CheckedDataset, LeftOutNight
from nightshift.results import Result, ValidateResult

log = logging.getLogger("nightshift.lake")
CHANGED = "changed after it was validated"
AT_ONCE = 8
"""Requests under way at a time: they wait for the network, not for this machine."""


@dataclass(frozen=True)
class Usable:
    """Nights that may be used, and the reason for each that may not."""

    nights: tuple[date, ...]
    left_out: tuple[tuple[date, str], ...]

    def list_left_out(self) -> tuple[LeftOutNight, ...]:
        """Returns what was left out, as results keep it."""
        return tuple(LeftOutNight(night=night, reason=reason) for night, reason in self.left_out)


class Lake:
    """The datasets of one model. Listings, results and tables are read once and kept.

    Every method raises `TryLater` when the store fails.
    """

    def __init__(self, store: ObjectStore, model: Model) -> None:
        self.model = model
        self._store = store
        self._results: dict[date, Result[ValidateResult | None] | None] = {}
        self._tables: dict[tuple[str, date], pd.DataFrame] = {}
        self._delivered: dict[tuple[str, date], pa.Table] = {}
        self._contents: dict[tuple[str, date], str] = {}
        self._month = cache(self._list_month)
        self._refusal = cache(self._check_levels)

    @property
    def store(self) -> ObjectStore:
        """The store that the lake is read from."""
        return self._store

    def list_usable(self, nights: Sequence[date]) -> Usable:
        """Which nights are validated and unchanged since."""
        self._load_results(nights)
        reasons = [(night, self._find_objection(night)) for night in nights]
        return Usable(
            tuple(night for night, reason in reasons if reason is None),
            tuple((night, reason) for night, reason in reasons if reason is not None),
        )

    def list_learnable(self, nights: Sequence[date]) -> Usable:
        """Which nights can give examples: usable ones whose schedule was checked by the night before."""
        self._load_results([*nights, *(night - self.model.schedule.period for night in nights)])
        usable = self.list_usable(nights)
        objections = [(night, self._find_schedule_objection(night)) for night in usable.nights]
        return Usable(
            tuple(night for night, reason in objections if reason is None),
            tuple(sorted((*usable.left_out, *((n, reason) for n, reason in objections if reason is not None)))),
        )

    def require(self, dataset: Dataset, day: date) -> None:
        """Raises `DataRejected` unless the schedule of `day` was checked by the night before and is unchanged."""
        reason = self._find_schedule_objection(day)
        if reason is not None:
            raise DataRejected(
                f"{dataset.build_partition_uri(day)} cannot be scored: {reason}; validate the night before first"
            )

    def load_tables(self, dataset: Dataset, nights: Iterable[date]) -> dict[date, pd.DataFrame]:
        """The rows of each night. Raises `DataRejected` for one that is missing, empty or corrupt."""
        listed = list(nights)
        missing = [night for night in listed if (dataset.name, night) not in self._tables]

        def read(night: date) -> pd.DataFrame:
            table = self._delivered.get((dataset.name, night))
            if table is None:
                table = self._read(dataset, night)
            return tables.read_frame(table, dataset.build_partition_uri(night))

        for night, frame in zip(missing, _load_in_parallel(read, missing), strict=True):
            self._tables[dataset.name, night] = frame
        return {night: self._tables[dataset.name, night] for night in listed}

    def load_table(self, dataset: Dataset, day: date) -> pa.Table:
        """The rows of one partition in the types that were delivered: of the very objects that its digest is about.

        Kept for `load_tables`, so that a partition wanted in both forms is read once. Raises `TryLater` when one of
        these objects was replaced since, and `DataRejected` as `load_tables` does.
        """
        if (dataset.name, day) not in self._delivered:
            self._delivered[dataset.name, day] = self._read(dataset, day)
        return self._delivered[dataset.name, day]

    def _read(self, dataset: Dataset, day: date) -> pa.Table:
        return tables.read_listed(self._store, self._list_partition(dataset, day))

    def load_content_digest(self, dataset: Dataset, day: date) -> str:
        """The content digest of a partition as it is now; one that cannot be read has a digest that no other has."""
        if (dataset.name, day) not in self._contents:
            self._contents[dataset.name, day] = self._find_content(dataset, day)
        return self._contents[dataset.name, day]

    def load_content_digests(self, datasets: Iterable[Dataset], nights: Sequence[date]) -> dict[str, str]:
        """The content digest of every partition of these datasets and nights, by its URI."""
        self._load_results([*nights, *(night - self.model.schedule.period for night in nights)])
        return {d.build_partition_uri(night): self.load_content_digest(d, night) for d in datasets for night in nights}

    def _find_content(self, dataset: Dataset, day: date) -> str:
        physical = self._list_partition(dataset, day).physical
        entry = self._find_entry(dataset, day)
        if entry is not None and entry.digest == physical and entry.content:
            return entry.content
        partition = dataset.build_partition_uri(day)
        try:
            digest = content_digests.find(
                self._store, partition, physical, lambda: compute_digest(self._read(dataset, day))
            )
        except DataRejected:
            return f"unreadable {physical}"
        if entry is not None and entry.content == digest:
            log.info("%s: other objects than were validated hold the same rows: it is used as it is", partition)
        return digest

    def _find_entry(self, dataset: Dataset, day: date) -> CheckedDataset | None:
        """What the validation found that checked this partition."""
        night = day - self.model.schedule.period if dataset.name == self.model.scheduled.name else day
        self._load_results([night])
        return next(
            (entry for entry in self._list_entries(night) if entry.partition == dataset.build_partition_uri(day)), None
        )

    def _list_entries(self, night: date) -> tuple[CheckedDataset, ...]:
        """What a night's validation found; its result was loaded before."""
        result = self._results[night]
        return () if result is None or result.detail is None else result.detail.datasets

    def _load_results(self, nights: Iterable[date]) -> None:
        missing = sorted({night for night in nights if night not in self._results})

        def read(night: date) -> Result[ValidateResult | None] | None:
            return step_results.load(self._store, self.model.name, night, ValidateResult)

        self._results.update(zip(missing, _load_in_parallel(read, missing), strict=True))

    def _find_objection(self, night: date) -> str | None:
        result = self._results[night]
        if result is None:
            return "it was never validated"
        if result.outcome != "done":
            return f"its validation ended as {result.outcome}: {result.summary}"
        entries = self._list_entries(night)
        return next(filter(None, map(self._find_entry_objection, entries)), None) or self._find_gap(night, entries)

    def _find_gap(self, night: date, entries: Iterable[CheckedDataset]) -> str | None:
        """A partition of the night that its validation did not look at: the dataset is new to the model."""
        checked = {entry.partition for entry in entries}
        looked_at = (d.build_partition_uri(night) for d in self.model.datasets if d.name != self.model.scheduled.name)
        missing = next((partition for partition in looked_at if partition not in checked), None)
        return None if missing is None else f"{missing} was not part of its validation: validate the night again"

    def _find_entry_objection(self, entry: CheckedDataset) -> str | None:
        """Why a partition that was validated may not be used any more."""
        dataset = next((d for d in self.model.datasets if d.name == entry.dataset), None)
        try:
            changed = dataset is None or self._has_changed(dataset, entry)
        except DataRejected as error:
            return f"{entry.partition} cannot be read any more: {error}"
        return f"{entry.partition} {CHANGED}" if changed else None

    def _find_schedule_objection(self, day: date) -> str | None:
        """Why the schedule of `day` may not be used; other datasets of the night before do not matter to it."""
        dataset = self.model.scheduled
        entry = self._find_entry(dataset, day)
        if entry is None and dataset.suite is None:
            return None
        if entry is None:
            before = day - self.model.schedule.period
            return f"its schedule was never validated (the validation of {before} does that)"
        if entry.failed:
            return f"its schedule failed validation: {entry.failed} of {entry.expectations} expectations"
        reason = self._find_entry_objection(entry)
        return f"its schedule {CHANGED}" if reason and reason.endswith(CHANGED) else reason

    def _has_changed(self, dataset: Dataset, entry: CheckedDataset) -> bool:
        if self._list_partition(dataset, entry.night).physical == entry.digest:
            return False
        return self.load_content_digest(dataset, entry.night) != entry.content

    def _list_partition(self, dataset: Dataset, day: date) -> Listed:
        """What lies in a partition. Raises `DataRejected` when that is not only plain Parquet files and markers."""
        if (refusal := self._refusal(dataset.name)) is not None:
            raise DataRejected(refusal)
        objects = self._month(dataset.name, day.year, day.month)
        head, folder = dataset.uri.split("{night}")[0], dataset.build_partition_uri(day)
        for level in table_formats.list_levels(folder):
            if len(level) > len(head):  # between the dataset and the partition: the listing of the month has it
                known = table_formats.find_format(o.uri.removeprefix(level) for o in objects if o.uri.startswith(level))
                if known is not None:
                    raise table_formats.refuse(folder, known, level)
        return sort_out(objects, folder)

    def _check_levels(self, name: str) -> str | None:
        """Why the dataset cannot be read as plain files, or None: asked once, not once per partition."""
        head = self._find_dataset(name).uri.split("{night}")[0].rpartition("/")[0] + "/"
        try:
            table_formats.require_plain(self._store, head, [head, *table_formats.list_levels(head)])
        except DataRejected as error:
            return str(error)
        return None

    def _find_dataset(self, name: str) -> Dataset:
        return next(dataset for dataset in self.model.datasets if dataset.name == name)

    def _list_month(self, name: str, year: int, month: int) -> list[StoredObject]:
        """One listing serves a month of partitions: their names begin alike."""
        head = self._find_dataset(name).uri.split("{night}")[0]
        return self._store.list_objects(f"{head}{year:04d}-{month:02d}-")


def _load_in_parallel(read: Callable[[date], Any], nights: Sequence[date]) -> list[Any]:
    if not nights:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(nights))) as pool:
        return list(pool.map(read, nights))
