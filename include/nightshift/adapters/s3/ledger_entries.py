"""What one entry of a ledger holds, and how it is read: what is no sound entry is refused."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from typing import Any, Literal, get_args

from nightshift.adapters.s3.object_store import as_json
from nightshift.errors import BadConfig
from nightshift.instants import read_instant

Kind = Literal["promotion", "refusal", "superseded", "set_champion", "accept_end"]
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
    (`promotion.approval.digest_record`). `at`: ISO 8601 instant in UTC. `reason`: the person's own words, one line,
    empty when none were given.
    """

    outcome: Outcome
    by: str
    about: str
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class LedgerVersion:
    """A version as the ledger identifies it: MLflow can give a number again, but no run and no digest of a model.

    `night`: what it was trained for, ISO. `entry`: the number of the entry that made it champion, or that withdrew it;
    0 in an entry that is not numbered yet, for that entry itself.
    """

    version: int
    night: str
    run_id: str = ""
    artifact_sha256: str = ""
    entry: int = 0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One decision, and the state after it: the last entry alone says who is champion and what is withdrawn.

    | kind | what was decided |
    |---|---|
    | `promotion` | `version` becomes champion because it won |
    | `refusal` | the gate or a person said no to `version` |
    | `superseded` | `version` won, but the champion was trained for a later night |
    | `set_champion` | a person made `version` champion; None: no version is |
    | `accept_end` | a person accepted that entries after this one's predecessor are lost |

    `version`, `night`, `run_id`, `artifact_sha256`: what was decided upon; None and empty if it is about no version.
    `champion`, `previous`: the champion after and before this entry. `withdraws`: the version that this entry withdrew;
    `withdrawn`: all that are after it. They are not promoted again by themselves. `unverified`: a person made a
    version champion that neither the gate nor an earlier decision had allowed. `lost_head`: what MLflow's tag named in
    place of the end that was accepted.

    `verdict`: the detail of `evaluate` that was acted upon, with everything needed to compute it again. `decision`:
    what a person answered, None where nobody is asked. `when`: ISO 8601 instant in UTC. `number` counts from 1, and
    `previous_digest` is the SHA-256 of the object before; `number_entry` sets both.
    """

    kind: Kind
    model: str
    version: int | None
    night: str
    champion: LedgerVersion | None
    previous: LedgerVersion | None
    withdraws: int | None = None
    withdrawn: tuple[LedgerVersion, ...] = ()
    unverified: bool = False
    lost_head: str = ""
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
        """Whether this entry decides anew who is champion."""
        return self.kind in ("promotion", "set_champion")

    @property
    def champion_version(self) -> int | None:
        """The number of the champion after this entry."""
        return self.champion.version if self.champion else None

    @property
    def champion_night(self) -> str | None:
        """The night that the champion after this entry was trained for."""
        return self.champion.night if self.champion else None

    @property
    def champion_entry(self) -> int | None:
        """The number of the entry that made the champion after this entry champion."""
        return self.champion.entry if self.champion else None

    @property
    def previous_version(self) -> int | None:
        """The number of the champion before this entry."""
        return self.previous.version if self.previous else None

    @property
    def withdrawn_versions(self) -> tuple[int, ...]:
        """The numbers of the versions that are withdrawn after this entry."""
        return tuple(version.version for version in self.withdrawn)


def number_entry(entry: Entry, last: Entry | None, digest: str) -> Entry:
    """The entry as it would stand behind `last`, whose bytes have the SHA-256 `digest`."""
    number = 1 if last is None else last.number + 1

    def place(version: LedgerVersion) -> LedgerVersion:
        return replace(version, entry=version.entry or number)

    return replace(
        entry,
        number=number,
        previous_digest=None if last is None else digest,
        champion=entry.champion and place(entry.champion),
        withdrawn=tuple(map(place, entry.withdrawn)),
    )


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
        for name, kind in (("decision", Decision), ("champion", LedgerVersion), ("previous", LedgerVersion)):
            value = kept.get(name)
            kept[name] = None if value is None else kind(**_known(kind, value))
        kept["withdrawn"] = tuple(LedgerVersion(**_known(LedgerVersion, one)) for one in kept.get("withdrawn", ()))
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
    _require_texts(entry.lost_head, *asdict(entry.cause).values())
    _require_one_of(entry.kind, Kind)
    read_instant(entry.when)
    _require_number(entry.number)
    for number in (entry.version, entry.withdraws):
        _require_number(0 if number is None else number)
    for version in (entry.champion, entry.previous, *entry.withdrawn):
        _require_version(version, entry.number)
    if entry.version is not None or entry.night:
        _require_night(entry.night)
    if not isinstance(entry.verdict, dict) or not isinstance(entry.unverified, bool):
        raise TypeError("a verdict is an object, and unverified is true or false")
    if entry.decision is not None:
        _require_texts(*asdict(entry.decision).values())
        _require_one_of(entry.decision.outcome, Outcome)
        read_instant(entry.decision.at)


def _require_version(version: LedgerVersion | None, newest: int) -> None:
    if version is None:
        return
    _require_texts(version.run_id, version.artifact_sha256)
    _require_night(version.night)
    _require_number(version.version)
    _require_number(version.entry)
    if version.entry > newest:
        raise ValueError("a later entry cannot have made it what it is")


def _require_night(night: object) -> None:
    if not isinstance(night, str) or date.fromisoformat(night).isoformat() != night:
        raise ValueError(f"{night!r} is no night")


def _require_texts(*found: object) -> None:
    if not all(isinstance(text, str) for text in found):
        raise TypeError(f"{found} are not all texts")


def _require_number(found: object) -> None:
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ValueError(f"{found!r} is no number")


def _require_one_of(found: str, kinds: Any) -> None:
    if found not in get_args(kinds):
        raise ValueError(f"{found!r} is none of {get_args(kinds)}")
