"""The nights of a model's datasets: which of them are validated, unchanged since, and readable.

A night is validated when its `validate` step ended well and each partition that it checked is still the one it
checked, by digest. What is scheduled is known one period ahead, so its partition was checked by the night before.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pandas as pd

from nightshift.adapters import results, tables
from nightshift.adapters.storage import ObjectStore, StoredObject, digest
from nightshift.definition import Dataset, Model
from nightshift.errors import DataRejected
from nightshift.result import Result

AT_ONCE = 8
"""Requests under way at a time: they wait for the network, not for this machine."""


@dataclass(frozen=True)
class Usable:
    """Nights that may be used, and the reason for each that may not."""

    nights: tuple[date, ...]
    left_out: tuple[tuple[date, str], ...]

    def as_json(self) -> list[dict[str, str]]:
        """What was left out, as results keep it."""
        return [{"night": night.isoformat(), "reason": reason} for night, reason in self.left_out]


class Lake:
    """The datasets of one model. Listings, results and tables are read once and kept.

    Every method raises `TryLater` when the store fails.
    """

    def __init__(self, store: ObjectStore, model: Model) -> None:
        self.model = model
        self._store = store
        self._results: dict[date, Result | None] = {}
        self._tables: dict[tuple[str, date], pd.DataFrame] = {}
        self._month = cache(self._list_month)

    @property
    def store(self) -> ObjectStore:
        """The store that the lake is read from."""
        return self._store

    def usable(self, nights: Sequence[date]) -> Usable:
        """Which nights are validated and unchanged since."""
        self._load_results(nights)
        reasons = [(night, self._objection(night)) for night in nights]
        return Usable(
            tuple(night for night, reason in reasons if reason is None),
            tuple((night, reason) for night, reason in reasons if reason is not None),
        )

    def learnable(self, nights: Sequence[date]) -> Usable:
        """Which nights can give examples: usable ones whose schedule was checked by the night before."""
        self._load_results([*nights, *(night - self.model.schedule.period for night in nights)])
        usable = self.usable(nights)
        objections = [(night, self._schedule_objection(night)) for night in usable.nights]
        return Usable(
            tuple(night for night, reason in objections if reason is None),
            tuple(sorted((*usable.left_out, *((n, reason) for n, reason in objections if reason is not None)))),
        )

    def require(self, dataset: Dataset, day: date) -> None:
        """Raises `DataRejected` unless the schedule of `day` was checked by the night before and is unchanged."""
        reason = self._schedule_objection(day)
        if reason is not None:
            raise DataRejected(f"{dataset.partition(day)} cannot be scored: {reason}; validate the night before first")

    def tables(self, dataset: Dataset, nights: Iterable[date]) -> dict[date, pd.DataFrame]:
        """The rows of each night. Raises `DataRejected` for one that is missing, empty or corrupt."""
        wanted = list(nights)
        missing = [night for night in wanted if (dataset.name, night) not in self._tables]

        def read(night: date) -> pd.DataFrame:
            return tables.read(self._store, dataset.partition(night))

        for night, frame in zip(missing, _at_once(read, missing), strict=True):
            self._tables[dataset.name, night] = frame
        return {night: self._tables[dataset.name, night] for night in wanted}

    def digest(self, dataset: Dataset, day: date) -> str:
        """The digest of a partition as it is now."""
        return digest(self._objects(dataset, day))

    def inputs(self, datasets: Iterable[Dataset], nights: Sequence[date]) -> dict[str, str]:
        """The digest of every partition of these datasets and nights, by its URI."""
        return {d.partition(night): self.digest(d, night) for d in datasets for night in nights}

    def _load_results(self, nights: Iterable[date]) -> None:
        missing = sorted({night for night in nights if night not in self._results})

        def read(night: date) -> Result | None:
            return results.load(self._store, self.model.name, night, "validate")

        self._results.update(zip(missing, _at_once(read, missing), strict=True))

    def _objection(self, night: date) -> str | None:
        result = self._results[night]
        if result is None:
            return "it was never validated"
        if result.outcome != "done":
            return f"its validation ended as {result.outcome}: {result.summary}"
        for entry in result.detail.get("datasets", []):
            if self._changed(entry):
                return f"{entry['partition']} changed after it was validated"
        unchecked = [d for d in self.model.datasets if d.suite is None and d.name != self.model.scheduled.name]
        missing = [d.partition(night) for d in unchecked if not self._objects(d, night)]
        return f"{missing[0]} is missing, and no suite looks after it" if missing else None

    def _schedule_objection(self, day: date) -> str | None:
        """Why the schedule of `day` may not be used; other datasets of the night before do not matter to it."""
        dataset = self.model.scheduled
        if dataset.suite is None:
            return None
        before = day - self.model.schedule.period
        self._load_results([before])
        result = self._results[before]
        entries: list[Mapping[str, Any]] = [] if result is None else result.detail.get("datasets", [])
        entry = next((e for e in entries if e["dataset"] == dataset.name), None)
        if entry is None:
            return f"its schedule was never validated (the validation of {before} does that)"
        if entry["failed"]:
            return f"its schedule failed validation: {entry['failed']} of {entry['expectations']} expectations"
        return "its schedule changed after it was validated" if self._changed(entry) else None

    def _changed(self, entry: Mapping[str, Any]) -> bool:
        dataset = next((d for d in self.model.datasets if d.name == entry["dataset"]), None)
        return dataset is None or self.digest(dataset, date.fromisoformat(entry["night"])) != entry["digest"]

    def _objects(self, dataset: Dataset, day: date) -> list[StoredObject]:
        partition = dataset.partition(day)
        return [o for o in self._month(dataset.name, day.year, day.month) if o.uri.startswith(partition)]

    def _list_month(self, name: str, year: int, month: int) -> list[StoredObject]:
        """One listing serves a month of partitions: their names begin alike."""
        dataset = next(d for d in self.model.datasets if d.name == name)
        head = dataset.uri.split("{night}")[0]
        return self._store.objects(f"{head}{year:04d}-{month:02d}-")


def _at_once(read: Callable[[date], Any], nights: Sequence[date]) -> list[Any]:
    if not nights:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(nights))) as pool:
        return list(pool.map(read, nights))
