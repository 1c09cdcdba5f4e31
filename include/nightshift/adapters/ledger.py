"""The ledger of one model: every decision about its champion, one immutable object each, in order, chained by digests.

`ledger/<model>/000001.json`, `000002.json`, … A number is written once (`If-None-Match: *`), so of two writers that
read the same last entry only one can append; the other sees that something was decided meanwhile. Each entry holds the
SHA-256 of the one before, so that an entry that was edited, or taken out, shows.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, Literal, get_args

from nightshift.adapters.storage import ObjectStore, as_json
from nightshift.errors import BadConfig, TryLater

NAME = re.compile(r"\A[0-9]{6}\.json\Z")
Kind = Literal["promotion", "refusal", "superseded", "rollback", "adoption"]
Outcome = Literal["approved", "rejected", "unanswered"]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Who or what caused an entry, as `RunSettings` has it.

    `by`: `<DAG>:<run>`, or `shell`. `kind`: how the run began (scheduled, manual, backfill…), or `shell`. `user`: the
    person who asked for it, empty for a schedule. `backfill`: the number of the backfill, empty outside of one.
    `code_version`, `image`: the code that wrote the entry, and the digest of its image; empty when it ran in none.
    """

    by: str
    kind: str = "shell"
    user: str = ""
    backfill: str = ""
    code_version: str = ""
    image: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person said about a promotion: `outcome` is approved, rejected or unanswered.

    `by`: the person's name in Airflow, empty when nobody answered. `about`: the SHA-256 of the record that was shown
    (`champion.approval.shown`). `at`: ISO 8601 instant in UTC. `reason`: the person's own words, one line, empty when
    none were given.
    """

    outcome: Outcome
    by: str
    about: str
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One decision, and who reigns after it.

    `kind`: `promotion` (`version` is champion from here on), `refusal` (the gate or a person said no to it),
    `superseded` (it won, but the standing champion was trained for a later night), `rollback` (a person made `version`
    champion again and withdrew the standing one), `adoption` (a champion that somebody set by hand in MLflow was
    accepted). `night`: what `version` was trained for, ISO.

    `champion_version`, `champion_night`, `champion_entry`: who reigns after this entry, and the number of the entry
    that made that version champion, None when there is no champion. `previous_version`, `previous_night`: who reigned
    before it. `withdrawn`: the version that a rollback took away, which is not promoted again by itself; `barred`: all
    versions of which that holds after this entry. Who reigns is thus in the last entry, whole.

    `verdict`: the detail of `evaluate` as it was acted upon, with everything needed to compute it again; empty for a
    rollback or an adoption. `decision`: what a person said, None where nobody is asked. `when`: ISO 8601 instant in
    UTC. `number` counts from 1, and `previous_digest` is the SHA-256 of the object before; the ledger sets both.
    """

    kind: Kind
    model: str
    version: int
    night: str
    champion_version: int | None
    champion_night: str | None
    champion_entry: int | None = None
    previous_version: int | None
    previous_night: str | None
    withdrawn: int | None = None
    barred: tuple[int, ...] = ()
    reason: str
    verdict: Mapping[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    run_id: str = ""
    artifact_sha256: str = ""
    cause: Cause
    when: str
    number: int = 0
    previous_digest: str | None = None

    @property
    def trained_for(self) -> date:
        """The night of the version as a date."""
        return date.fromisoformat(self.night)

    @property
    def changes_champion(self) -> bool:
        """Whether this entry says anew who reigns: another version, or nobody after an adoption of a removed alias."""
        return self.kind in ("promotion", "rollback", "adoption")


class Ledger:
    """The ledger of one model. Methods raise `TryLater` when the store fails."""

    def __init__(self, store: ObjectStore, model: str) -> None:
        self._store, self.model, self._folder = store, model, f"ledger/{model}/"

    def uri(self, number: int) -> str:
        """Where an entry stands."""
        return self._store.uri(f"{self._folder}{number:06d}.json")

    def newest_first(self) -> Iterator[Entry]:
        """Every entry, the last one first; each is read only when it is asked for."""
        for number in range(self._last_number(), 0, -1):
            yield self._entry(number)[0]

    def last(self) -> Entry | None:
        """The newest entry, or None when nothing was ever decided."""
        return next(self.newest_first(), None)

    def entry(self, number: int) -> Entry:
        """One entry. Raises `TryLater` when it is missing, `BadConfig` when it cannot be read."""
        return self._entry(number)[0]

    def reigns(self, last: Entry | None) -> Iterator[Entry]:
        """One entry of each reign, the newest first and from `last` on: read it for `champion_*`, who reigned then.

        It hops from the entry that crowned a champion to the one before it, so that refusals cost nothing.
        """
        while last is not None:
            if last.champion_version is not None:
                yield last
            begun = last.champion_entry or last.number
            last = self.entry(begun - 1) if begun > 1 else None

    def digest(self, number: int) -> str:
        """The SHA-256 of an entry as it is stored. Raises as `entry` does."""
        return hashlib.sha256(self._entry(number)[1]).hexdigest()

    def numbered(self, entry: Entry, after: Entry | None) -> Entry:
        """The entry as it would stand behind `after`."""
        number = 1 if after is None else after.number + 1
        digest = None if after is None else self.digest(after.number)
        crowns = entry.changes_champion and entry.champion_version is not None
        crowned = number if crowns else None if entry.changes_champion else entry.champion_entry
        return replace(entry, number=number, previous_digest=digest, champion_entry=crowned)

    def append(self, entry: Entry, after: Entry | None) -> Entry | None:
        """Appends behind `after`, the last entry that the caller decided upon. None when another was appended since.

        Raises `BadConfig` for an entry that nobody could read again: it would end the ledger for good.
        """
        numbered = self.numbered(entry, after)
        data = stored(numbered)
        parse(data, f"what was to become {self.uri(numbered.number)}")
        return numbered if self._store.put_if_absent(self.uri(numbered.number), data) else None

    def _last_number(self) -> int:
        names = [o.name for o in self._store.objects(self._store.uri(self._folder))]
        return max((int(name[:6]) for name in names if NAME.match(name)), default=0)

    def _entry(self, number: int) -> tuple[Entry, bytes]:
        data = self._store.get(self.uri(number))
        if data is None:
            raise TryLater(f"{self.uri(number)} is missing though later entries of the ledger are there")
        entry = parse(data, self.uri(number))
        if (entry.number, entry.model) != (number, self.model):
            said = f"{self.uri(number)} says that it is entry {entry.number} of {entry.model!r}"
            raise BadConfig(f"{said}: was it edited, or put in another's place?")
        return entry, data


def stored(entry: Entry) -> bytes:
    """The bytes of an entry in the store."""
    return as_json(asdict(entry))


def parse(data: bytes, where: str) -> Entry:
    """A stored entry. Raises `BadConfig` naming `where` when it is none, or says what no entry can say.

    Fields that are not known are left out: during a rollout old code reads what newer code wrote.
    """
    try:
        found: dict[str, Any] = json.loads(data)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair could be written nowhere
        kept = _known(Entry, found)
        kept["cause"] = Cause(**_known(Cause, kept["cause"]))
        decision = kept.get("decision")
        kept["decision"] = None if decision is None else Decision(**_known(Decision, decision))
        kept["barred"] = tuple(kept.get("barred", ()))
        entry = Entry(**kept)
        _require_sound(entry)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadConfig(f"{where} is no entry of a ledger: was it edited?") from error
    return entry


def _known(kind: type[Any], found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TypeError(f"{found!r} is no {kind.__name__}")
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in found.items() if name in names}


def _require_sound(entry: Entry) -> None:
    """Raises `ValueError` or `TypeError` for a value that is not of its kind: whoever reads an entry relies on them."""
    _require_texts(entry.model, entry.reason, entry.run_id, entry.artifact_sha256, entry.previous_digest or "")
    _require_texts(*asdict(entry.cause).values())
    _require_one_of(entry.kind, Kind)
    _require_instant(entry.when)
    for number in (entry.version, entry.number, *entry.barred):
        _require_number(number)
    for found in (entry.champion_version, entry.champion_entry, entry.previous_version, entry.withdrawn):
        _require_number(0 if found is None else found)
    if (entry.champion_entry or 0) > entry.number:
        raise ValueError("an earlier entry made its champion, or itself")
    for night in (entry.night, entry.champion_night, entry.previous_night):
        if night is not None and date.fromisoformat(night).isoformat() != night:
            raise ValueError(f"{night!r} is no night")
    if not isinstance(entry.verdict, dict) or entry.night is None:
        raise TypeError("a verdict is an object, and every version has a night")
    if entry.decision is not None:
        _require_texts(*asdict(entry.decision).values())
        _require_one_of(entry.decision.outcome, Outcome)
        _require_instant(entry.decision.at)


def _require_texts(*found: object) -> None:
    if not all(isinstance(text, str) for text in found):
        raise TypeError(f"{found} are not all texts")


def _require_number(found: object) -> None:
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ValueError(f"{found!r} is no number")


def _require_one_of(found: str, kinds: Any) -> None:
    if found not in get_args(kinds):
        raise ValueError(f"{found!r} is none of {get_args(kinds)}")


def _require_instant(found: str) -> None:
    """An instant without a zone could be compared with no other."""
    if datetime.fromisoformat(found).tzinfo is None:
        raise ValueError(f"{found!r} has no time zone")
