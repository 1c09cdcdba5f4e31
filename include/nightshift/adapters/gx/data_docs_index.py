"""Reads the index of Data Docs: a page of entries at a time, the newest night first."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from nightshift.adapters.gx.data_docs import INDEX, KEY, Entry, invert_night
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.stored_records import Misfit, parse_record

log = logging.getLogger("nightshift.docs")

LISTED = 1000
READERS = 8


@dataclass(frozen=True)
class Listing:
    """Some entries, and the name to continue after (None: these are the last)."""

    entries: tuple[Entry, ...]
    after: str | None


@dataclass(frozen=True)
class Wanted:
    """Which entries to list: those of these `models` (None: all), with this `outcome` (None: either)."""

    models: frozenset[str] | None = None
    outcome: str | None = None

    def is_wanted(self, name: str) -> bool:
        """Whether an entry of that name is wanted; what is no entry is not."""
        parts = KEY.match(name)
        if parts is None:
            return False
        of_model = self.models is None or parts["model"] in self.models
        return of_model and self.outcome in (None, parts["outcome"])


def list_entries(store: ObjectStore, filters: Wanted, after: str | None, limit: int) -> Listing:
    """Up to `limit` wanted entries that follow the entry named `after`."""
    names: list[str] = []
    for name in _list_names(store, after):
        if filters.is_wanted(name):
            names.append(name)
        if len(names) > limit:
            break
    shown = names[:limit]
    return Listing(_read(store, shown), shown[-1] if len(names) > limit else None)


def list_entries_of_night(store: ObjectStore, model: str, night: date) -> tuple[Entry, ...]:
    """The validations of one night of one model, the latest first."""
    prefix = f"{INDEX}{invert_night(night)}.{model}."
    names = [uri.rsplit("/", 1)[-1] for uri in store.list_names(store.build_uri(prefix))]
    return _read(store, [name for name in names if KEY.match(name)])


def _list_names(store: ObjectStore, after: str | None) -> Iterator[str]:
    """The names of all entries in order, listed a thousand at a time as they are asked for."""
    follow = store.build_uri(INDEX + after) if after else ""
    while uris := store.list_names(store.build_uri(INDEX), follow, LISTED):
        yield from (uri.rsplit("/", 1)[-1] for uri in uris)
        follow = uris[-1]


def _read(store: ObjectStore, names: list[str]) -> tuple[Entry, ...]:
    """The entries of that name: the newest night first, within one the latest validation."""
    with ThreadPoolExecutor(READERS) as readers:
        stored = readers.map(lambda name: _read_entry(store, name), names)
        entries = [entry for entry in stored if entry is not None]
    latest_first = sorted(entries, key=lambda entry: entry.validated, reverse=True)
    return tuple(sorted(latest_first, key=lambda entry: (invert_night(date.fromisoformat(entry.night)), entry.model)))


def _read_entry(store: ObjectStore, name: str) -> Entry | None:
    """One entry. None when it is gone, or cannot be read: that is logged, and hides no other entry."""
    uri = store.build_uri(INDEX + name)
    data = store.get(uri)
    if data is None:
        return None
    try:
        entry = parse_record(Entry, data)
        if entry.key != INDEX + name:
            raise Misfit("it is not what its name says")
    except ValueError as error:  # a `Misfit`, or a night that is no date
        log.warning("%s is no entry of the index (%s): delete it, then validate its night again", uri, error)
        return None
    return entry
