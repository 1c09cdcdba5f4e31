"""The ledger of one model read as a whole, many entries at a time, and whether its chain of digests holds.

`Ledger` reads what a decision needs, one entry after the other; this is for those who look at all of it. An entry that
is missing or was edited is a sentence here, not an error: the others are still to be read.
"""

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Entry, parse
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import BadConfig

AT_ONCE = 16
NAME = re.compile(r"\A[0-9]{6}\.json\Z")


@dataclass(frozen=True)
class Reading:
    """Entries, oldest first, and what is wrong with the chain: a sentence per fault."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def last(self) -> Entry | None:
        """The newest entry."""
        return self.entries[-1] if self.entries else None


def read_all(store: ObjectStore, model: str) -> Reading:
    """The whole ledger of a model. Raises `TryLater` when the store fails."""
    return read(store, model, 1, find_last_number(store, model))


def read_since(store: ObjectStore, model: str, since: datetime | None) -> Reading:
    """The entries that were written since an instant (None: all), and the last one in any case.

    What is older cannot be about what did not exist yet, and is not read.
    """
    written = _list_written(store, model)
    last = max(written, default=0)
    first = min((number for number, when in written.items() if since is None or when >= since), default=last)
    return read(store, model, max(1, first), last)


def read(store: ObjectStore, model: str, first: int, last: int) -> Reading:
    """The entries numbered `first` to `last`; the chain is checked from the one before `first`, where there is one."""
    before = max(1, first - 1)
    stored = _load_objects(store, model, range(before, last + 1))
    entries, faults = [], []
    for place, (number, data) in enumerate(stored):
        fault, entry = _parse_entry(model, number, data)
        fault = fault or (_check_chain(entry, stored[place - 1]) if entry and place else _check_first(entry))
        if number >= first:
            faults += [fault] if fault else []
            entries += [entry] if entry else []
    return Reading(tuple(entries), tuple(faults))


def find_last_number(store: ObjectStore, model: str) -> int:
    """The number of the newest entry, 0 when there is none. Raises `TryLater` when the store fails."""
    return max(_list_written(store, model), default=0)


def _list_written(store: ObjectStore, model: str) -> dict[int, datetime]:
    """The number of each entry, and when it was written."""
    listing = store.list_objects(store.build_uri(f"ledger/{model}/"))
    return {int(stored.name[:6]): stored.modified for stored in listing if NAME.match(stored.name)}


def _load_objects(store: ObjectStore, model: str, numbers: Sequence[int]) -> list[tuple[int, bytes | None]]:
    ledger = Ledger(store, model)
    with ThreadPoolExecutor(AT_ONCE) as readers:
        return list(zip(numbers, readers.map(lambda number: store.get(ledger.build_uri(number)), numbers), strict=True))


def _parse_entry(model: str, number: int, data: bytes | None) -> tuple[str, Entry | None]:
    if data is None:
        return f"entry {number} is missing", None
    try:
        entry = parse(data, f"entry {number}")
    except BadConfig:
        return f"entry {number} cannot be read: it was edited or cut short", None
    if (entry.number, entry.model) != (number, model):
        return f"entry {number} says that it is entry {entry.number} of {entry.model}: it was edited", entry
    return "", entry


def _check_first(entry: Entry | None) -> str:
    is_first = entry is None or entry.number != 1 or entry.previous_digest is None
    return "" if is_first else "entry 1 names an entry before it: the first one was taken out"


def _check_chain(entry: Entry, before: tuple[int, bytes | None]) -> str:
    number, data = before
    if data is None or entry.previous_digest == hashlib.sha256(data).hexdigest():
        return ""
    return f"entry {number} is not the one that entry {number + 1} was chained to: one of the two was edited"
