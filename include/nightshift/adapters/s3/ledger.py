"""The ledger of one model: every decision about its champion, one immutable object each, in order, chained by digests.

`ledger/<model>/000001.json`, `000002.json`, … A number is written once (`If-None-Match: *`), so of two writers that
read the same last entry only one can append. Each entry holds the SHA-256 of the one before, so that an entry that was
edited or removed is noticed.

`ledger_index/<model>/<key>/000001` are empty objects, written before the entry of that number: they say under which
numbers an entry about `key` may stand, and prove nothing. A rerun lists its key instead of reading the whole ledger.
"""

import hashlib
import re
from collections.abc import Iterator

from nightshift.adapters.s3.ledger_entries import Entry, parse, serialize_entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import BadConfig, TryLater

NAME = re.compile(r"\A[0-9]{6}\.json\Z")
POINTER = re.compile(r"\A[0-9]{6}\Z")


class Ledger:
    """The ledger of one model. Methods raise `TryLater` when the store fails."""

    def __init__(self, store: ObjectStore, model: str) -> None:
        self.store, self.model = store, model

    def build_uri(self, number: int) -> str:
        """Where an entry stands."""
        return self.store.build_uri(f"ledger/{self.model}/{number:06d}.json")

    def load_last(self) -> Entry | None:
        """The newest entry, or None when nothing was ever decided."""
        return self.read_last()[0]

    def read_last(self) -> tuple[Entry | None, str]:
        """The newest entry and the SHA-256 of its bytes; None and "" when nothing was ever decided."""
        number = self.find_last_number()
        return self.read_entry(number) if number else (None, "")

    def find_last_number(self) -> int:
        """The number of the newest entry, 0 when there is none."""
        names = [o.name for o in self.store.list_objects(self.store.build_uri(f"ledger/{self.model}/"))]
        return max((int(name[:6]) for name in names if NAME.match(name)), default=0)

    def load_entry(self, number: int) -> Entry:
        """One entry. Raises as `read_entry` does."""
        return self.read_entry(number)[0]

    def read_entry(self, number: int) -> tuple[Entry, str]:
        """One entry and the SHA-256 of its bytes. Raises `TryLater` when it is missing, `BadConfig` when unreadable."""
        data = self.store.get(self.build_uri(number))
        if data is None:
            raise TryLater(f"{self.build_uri(number)} is missing though later entries of the ledger are there")
        entry = parse(data, self.build_uri(number))
        if (entry.number, entry.model) != (number, self.model):
            differs = f"{self.build_uri(number)} says that it is entry {entry.number} of {entry.model!r}"
            raise BadConfig(f"{differs}: was it edited, or put in another's place?")
        return entry, hashlib.sha256(data).hexdigest()

    def find_digest(self, number: int) -> str | None:
        """The SHA-256 of an entry's bytes, readable or not; None when it is missing."""
        data = self.store.get(self.build_uri(number))
        return None if data is None else hashlib.sha256(data).hexdigest()

    def iterate_newest_first(self) -> Iterator[Entry]:
        """Every entry, the last one first; each is read only when it is asked for."""
        return (self.load_entry(number) for number in range(self.find_last_number(), 0, -1))

    def append(self, entry: Entry) -> bool:
        """Appends a numbered entry. False when another one has its number.

        Raises `BadConfig` for an entry that nobody could read again: it would end the ledger for good.
        """
        data = serialize_entry(entry)
        parse(data, f"what was to become {self.build_uri(entry.number)}")
        return self.store.put_if_absent(self.build_uri(entry.number), data)

    def announce(self, key: str, number: int) -> None:
        """Records, before it is appended, that the entry of this number may be about `key`."""
        self.store.put(self.store.build_uri(f"{self._build_index_prefix(key)}{number:06d}"), b"")

    def list_announced(self, key: str) -> list[int]:
        """The numbers under which entries about `key` may stand, the newest first."""
        names = (
            uri.rsplit("/", 1)[-1] for uri in self.store.list_names(self.store.build_uri(self._build_index_prefix(key)))
        )
        return sorted((int(name) for name in names if POINTER.match(name)), reverse=True)

    def _build_index_prefix(self, key: str) -> str:
        return f"ledger_index/{self.model}/{key}/"
