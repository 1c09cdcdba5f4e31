"""Whether ledger, alias and registry agree: what does not, a sentence each. Reads, and changes nothing.

Codes: `chain` (entries are missing, edited or out of order), `succession` (two entries that follow each other do not
fit), `cut` (MLflow knows of an entry that the ledger does not have), `alias` (the alias is not where the ledger ends),
`unsynced` (the last decisions were not brought to MLflow yet), `missing` (the champion is not in MLflow, or another
version has its number), `artifact` (its stored model is not the ledger's), `no ledger` (only MLflow has a champion).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nightshift.adapters.mlflow.registry import SHA256, RegisteredModel, Registry
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.adapters.s3.ledger_reading import Reading, find_last_number, read
from nightshift.context import ModelContext
from nightshift.errors import TryLater
from nightshift.promotion.champion_state import ChampionState, read_state
from nightshift.promotion.ledger_head import describe_loss, read_head
from nightshift.promotion.sync_alias import describe_missing

ATTEMPTS = 5
"""How often all is read again because something was decided meanwhile."""


@dataclass(frozen=True)
class Finding:
    """One thing that does not agree. `version`: the one that it is about, where it is about one."""

    code: str
    sentence: str
    version: int | None = None


def find_disagreements(context: ModelContext) -> list[Finding]:
    """Everything that does not agree; empty when all does.

    Raises `TryLater` when S3 or MLflow fails, or when something is decided at every attempt.
    """
    model = context.name
    for _ in range(ATTEMPTS):
        registered, end = context.registry.find_model(model), find_last_number(context.store, model)
        findings = _find(context, read(context.store, model, 1, end), end, registered)
        if find_last_number(context.store, model) == end:
            return findings
    raise TryLater(f"the ledger of {model} grew {ATTEMPTS} times while it was checked")


def _find(context: ModelContext, reading: Reading, end: int, registered: RegisteredModel | None) -> list[Finding]:
    ledger = context.ledger
    findings = check_ledger(reading)
    readable = reading.last is not None and (reading.last.number, reading.last.model) == (end, ledger.model)
    if end and not readable:
        return findings
    state = read_state(ledger)
    loss = describe_loss(read_head(registered), state, ledger)
    if loss:
        findings.append(Finding("cut", loss))
    return [*findings, *_check_alias(registered, state, cut=bool(loss)), *_check_champion(context.registry, state)]


def check_ledger(reading: Reading) -> list[Finding]:
    """What the ledger alone shows: for those who may not ask MLflow."""
    broken = [Finding("chain", sentence) for sentence in reading.faults]
    return broken or [Finding("succession", sentence) for sentence in _check_succession(reading.entries)]


def _check_succession(entries: Sequence[Entry]) -> Iterator[str]:
    """Each entry begins where the one before it ended."""
    for before, entry in pairwise(entries):
        if entry.previous != before.champion:
            named = f"entry {entry.number} says that version {entry.previous_version} was champion before it"
            yield f"{named}, and entry {before.number}: {before.champion_version}"
        if entry.changes_champion and entry.champion_entry not in (entry.number, None):
            yield f"entry {entry.number} says that entry {entry.champion_entry} made its champion"
        if not entry.changes_champion and entry.champion != before.champion:
            yield f"entry {entry.number} is of kind {entry.kind}, and yet the champion after it is another than before"


def _check_alias(registered: RegisteredModel | None, state: ChampionState, *, cut: bool) -> Iterator[Finding]:
    alias = registered.champion if registered else None
    champion = state.champion.version if state.champion else None
    if state.last is None and alias is not None:
        yield Finding("no ledger", f"the alias champion names version {alias}, and there is no ledger", alias)
    elif alias != champion and registered is not None:
        alias_version = "no version" if alias is None else f"version {alias}"
        named = "no version" if champion is None else f"version {champion}"
        yield Finding("alias", f"the alias champion names {alias_version}, and the ledger {named}", alias)
    if registered is not None and not cut and read_head(registered).number < state.end:
        yield Finding("unsynced", f"entry {state.end} of the ledger was not brought to MLflow yet")


def _check_champion(registry: Registry, state: ChampionState) -> Iterator[Finding]:
    """The champion is in MLflow, and its model as it is stored is the one whose digest its tag and the ledger have."""
    champion = state.champion
    if champion is None:
        return
    missing = describe_missing(registry, state)
    if missing:
        yield Finding("missing", missing, champion.version)
        return
    number, version = champion.version, registry.load_version(state.model, champion.version)
    tagged, stored = version.tags.get(SHA256, ""), registry.compute_digest(version)
    if stored is None:
        yield Finding("artifact", f"the model file of champion {number} is gone", number)
    elif stored != tagged or champion.artifact_sha256 not in ("", stored):
        which = "its tag" if stored != tagged else "the ledger"
        yield Finding("artifact", f"the model file of champion {number} has not the digest that {which} has", number)
