"""The ledger of one model: every promotion, one immutable object each, in order, each holding the digest of the last.

`ledger/<model>/000001.json`, `000002.json`, … A number is written once (`If-None-Match: *`), so of two promoters that
read the same last entry only one can append; the other sees that the champion changed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from nightshift.adapters.storage import ObjectStore, as_json
from nightshift.errors import TryLater

PROMOTION = "promotion"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change of champion.

    `version` reigns from here on; `night` is the night it was trained for, ISO. `previous_*`: the champion it replaced,
    None when there was none. `verdict`: the numbers that decided. `when`: ISO 8601 instant in UTC. `number` counts from
    1, and `previous_digest` is the SHA-256 of the object before; the ledger sets both when it appends.
    """

    kind: str
    model: str
    version: int
    night: str
    previous_version: int | None
    previous_night: str | None
    reason: str
    verdict: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    artifact_sha256: str = ""
    caused_by: str
    code_version: str
    when: str
    number: int = 0
    previous_digest: str | None = None

    @property
    def trained_for(self) -> date:
        """The night of the champion as a date."""
        return date.fromisoformat(self.night)


class Ledger:
    """The ledger of one model. Methods raise `TryLater` when the store fails."""

    def __init__(self, store: ObjectStore, model: str) -> None:
        self._store, self._folder = store, f"ledger/{model}/"

    def uri(self, number: int) -> str:
        """Where an entry stands."""
        return self._store.uri(f"{self._folder}{number:06d}.json")

    def newest_first(self) -> Iterator[Entry]:
        """Every entry, the last one first; each is read only when it is asked for."""
        for number in range(self._last_number(), 0, -1):
            yield self._entry(number)[0]

    def last(self) -> Entry | None:
        """The newest entry, or None when nothing was ever promoted."""
        return next(self.newest_first(), None)

    def append(self, entry: Entry, after: Entry | None) -> Entry | None:
        """Appends behind `after`, the last entry that the caller decided upon. None when another was appended since."""
        number = 1 if after is None else after.number + 1
        digest = None if after is None else hashlib.sha256(self._entry(after.number)[1]).hexdigest()
        numbered = replace(entry, number=number, previous_digest=digest)
        return numbered if self._store.put_if_absent(self.uri(number), as_json(asdict(numbered))) else None

    def _last_number(self) -> int:
        names = [o.name for o in self._store.objects(self._store.uri(self._folder))]
        return max((int(name.removesuffix(".json")) for name in names if name[:6].isdigit()), default=0)

    def _entry(self, number: int) -> tuple[Entry, bytes]:
        data = self._store.get(self.uri(number))
        if data is None:
            raise TryLater(f"{self.uri(number)} is missing though later entries of the ledger are there")
        return Entry(**json.loads(data)), data
