"""What one entry of a ledger holds, and how it is read: what is no sound entry is refused."""

from dataclasses import dataclass, replace
from datetime import date

from nightshift.adapters.s3.object_store import to_json
from nightshift.errors import BadConfig
from nightshift.instants import is_instant
from nightshift.result_parts import Decision, EntryKind
from nightshift.results import EvaluateResult
from nightshift.stored_records import parse_record, to_plain


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

    `verdict`: what `evaluate` did that was acted upon, with everything needed to compute it again; None where there was
    none. `decision`: what a person answered, None where nobody is asked. `when`: ISO 8601 instant in UTC. `number`
    counts from 1, and `previous_digest` is the SHA-256 of the object before; `number_entry` sets both.
    """

    kind: EntryKind
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
    verdict: EvaluateResult | None = None
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


def serialize_entry(entry: Entry) -> bytes:
    """The bytes of an entry in the store."""
    return to_json(to_plain(entry))


def parse(data: bytes, where: str) -> Entry:
    """A stored entry. Raises `BadConfig` naming `where` and what does not fit when it is none.

    Fields that are not known are left out: during a rollout old code reads what newer code wrote.
    """
    try:
        entry = parse_record(Entry, data)
        _require_sound(entry)
    except ValueError as error:  # a `Misfit` as well
        raise BadConfig(f"{where} is no entry of a ledger ({error}): was it edited?") from None
    return entry


def _require_sound(entry: Entry) -> None:
    """Raises `ValueError` for what no type says: whoever reads an entry relies on it. It quotes no value."""
    instants = (entry.when, *((entry.decision.at,) if entry.decision else ()))
    if not all(map(is_instant, instants)):
        raise ValueError("when: Input should be an instant with a time zone")
    versions = [version for version in (entry.champion, entry.previous, *entry.withdrawn) if version is not None]
    numbers = (entry.number, entry.version or 0, entry.withdraws or 0, *(v.version for v in versions))
    if min(numbers) < 0 or not all(0 <= version.entry <= entry.number for version in versions):
        raise ValueError("a number is below 0, or that of a later entry")
    about = (entry.night,) if entry.version is not None or entry.night else ()
    if not all(_is_night(night) for night in (*about, *(version.night for version in versions))):
        raise ValueError("night: Input should be a date as YYYY-MM-DD")


def _is_night(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
