"""Who is champion, now and on a night, by the ledger. MLflow's alias is never asked.

MLflow gives a number again when its database is restored to an earlier day, or a registered model is deleted and made
anew. So a version is the one that an entry names only if its run and the digest in its tag are the entry's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from nightshift.adapters.mlflow.registry import NIGHT, SHA256, Version
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Entry, LedgerVersion
from nightshift.context import ModelContext


@dataclass(frozen=True)
class Champion:
    """A version in MLflow that is or was champion, and the night it was trained for."""

    version: Version
    night: date

    @property
    def number(self) -> int:
        """The version's number."""
        return self.version.number


@dataclass(frozen=True)
class ChampionState:
    """What the ledger's last entry says. `digest`: the SHA-256 of that entry as it is stored, "" when there is none."""

    model: str
    last: Entry | None
    digest: str

    @property
    def end(self) -> int:
        """The number of the last entry, 0 when there is none."""
        return self.last.number if self.last else 0

    @property
    def champion(self) -> LedgerVersion | None:
        """The champion; None when there is none."""
        return self.last.champion if self.last else None

    @property
    def withdrawn(self) -> tuple[LedgerVersion, ...]:
        """The versions that a person withdrew and nobody made champion again."""
        return self.last.withdrawn if self.last else ()

    @property
    def withdrawn_versions(self) -> frozenset[int]:
        """Their numbers."""
        return frozenset(version.version for version in self.withdrawn)

    def find_withdrawal(self, version: Version) -> LedgerVersion | None:
        """The withdrawal of exactly this version; None when it is not withdrawn."""
        return next((gone for gone in self.withdrawn if is_same_version(version, gone)), None)

    def is_champion_later_than(self, night: date) -> bool:
        """Whether the champion was trained for a later night."""
        return self.champion is not None and self.champion.night > night.isoformat()


def read_state(ledger: Ledger) -> ChampionState:
    """The state at the ledger's end. Raises `TryLater` when the store fails, `BadConfig` for an unreadable entry."""
    last, digest = ledger.read_last()
    return ChampionState(ledger.model, last, digest)


def is_same_version(version: Version, recorded: LedgerVersion) -> bool:
    """Whether a version of MLflow is the one that the ledger recorded, and did not only get its number."""
    number, run_id, sha256 = version.number, version.run_id, version.tags.get(SHA256, "")
    same = recorded.run_id in ("", run_id) and recorded.artifact_sha256 in ("", sha256)
    return number == recorded.version and same


def find_night(version: Version) -> date:
    """The night of a version; one that Nightshift did not train counts as older than any night."""
    try:
        return date.fromisoformat(version.tags.get(NIGHT, ""))
    except ValueError:
        return date.min


def identify(version: Version, entry: int = 0) -> LedgerVersion:
    """A version of MLflow as the ledger records it. `entry`: 0 for the entry that is about to be appended."""
    return LedgerVersion(
        version=version.number,
        night=find_night(version).isoformat(),
        run_id=version.run_id,
        artifact_sha256=version.tags.get(SHA256, ""),
        entry=entry,
    )


def list_periods(ledger: Ledger, state: ChampionState) -> Iterator[LedgerVersion]:
    """Every champion period, the newest first: who was champion. Refusals between two periods are not read."""
    entry = state.last
    while entry is not None:
        if entry.champion is not None:
            yield entry.champion
        first_entry = entry.champion_entry or entry.number
        entry = ledger.load_entry(first_entry - 1) if first_entry > 1 else None


def find_champion_on(
    context: ModelContext, state: ChampionState, night: date, without: int | None = None
) -> Champion | None:
    """The champion of a night: the newest one that was not trained for a later night, is in MLflow and not withdrawn.

    `without`: the version of that night itself, so that a night that is run again meets the same champion as before.
    """
    for champion in list_periods(context.ledger, state):
        number, trained_for = champion.version, date.fromisoformat(champion.night)
        if trained_for <= night and number != without and not _is_withdrawn(state, champion):
            version = context.registry.find(context.name, number)
            if version is not None and is_same_version(version, champion):
                return Champion(version, trained_for)
    return None


def find_scorer(context: ModelContext, state: ChampionState, night: date) -> Champion | None:
    """Who scores a night when it is scored now: its own champion, or else the present one."""
    own = find_champion_on(context, state, night)
    if own is not None or state.champion is None:
        return own
    present = context.registry.load_version(context.name, state.champion.version)
    return Champion(present, date.fromisoformat(state.champion.night))


def _is_withdrawn(state: ChampionState, champion: LedgerVersion) -> bool:
    return any((gone.version, gone.run_id) == (champion.version, champion.run_id) for gone in state.withdrawn)
