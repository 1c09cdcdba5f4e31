"""Whether ledger, alias, tags and registry say the same: what differs, a sentence each. Reads, and changes nothing.

Codes: `chain` (entries missing, edited or out of order), `cut` (the ledger's end is missing), `succession` (two entries
that follow each other do not fit), `unfinished` (a change was cut short), `moved`, `removed` and `deleted` (what a hand
did in MLflow), `artifact` (the champion's stored model is not the one that was promoted), `tags`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.ledger_reading import Reading, last_number, read_all
from nightshift.adapters.registry_rest import DECIDING, LEDGER_ENTRY, SHA256, WITHDRAWN, Registry, Version
from nightshift.adapters.storage import ObjectStore
from nightshift.champion.court import Court, court


@dataclass(frozen=True)
class Finding:
    """One thing that does not agree. `version`: the one that it is about, where it is about one."""

    code: str
    sentence: str
    version: int | None = None


def findings(store: ObjectStore, registry: Registry, model: str) -> list[Finding]:
    """Everything that does not agree; empty when all does. Raises `TryLater` when S3 or MLflow fails."""
    reading = read_all(store, model)
    found = of_ledger(reading)
    if reading.last is None or reading.last.number != last_number(store, model):
        return found if found or reading.last else [*found, *_alias(court(registry, Ledger(store, model), model))]
    seen = court(registry, Ledger(store, model), model)
    versions = {version.number: version for version in registry.versions(model)}
    return [
        *found,
        *_end(store, reading.last, versions),
        *_alias(seen),
        *_artifact(seen, reading.entries),
        *_tags(seen, reading.last, versions),
    ]


def of_ledger(reading: Reading) -> list[Finding]:
    """What the ledger alone shows: for those who may not ask MLflow."""
    broken = [Finding("chain", sentence) for sentence in reading.faults]
    return broken or [Finding("succession", sentence) for sentence in _succession(reading.entries)]


def _succession(entries: Sequence[Entry]) -> Iterator[str]:
    """Each entry begins where the one before it ended."""
    for before, entry in pairwise(entries):
        if (entry.previous_version, entry.previous_night) != (before.champion_version, before.champion_night):
            said = (
                f"version {entry.previous_version} reigned before it, entry {before.number}: {before.champion_version}"
            )
            yield f"entry {entry.number} says that {said}"
        crowned = before.champion_entry if not entry.changes_champion else entry.number
        if entry.champion_version is not None and entry.champion_entry != crowned:
            yield f"entry {entry.number} says that entry {entry.champion_entry} made its champion, not {crowned}"
        if not entry.changes_champion and entry.champion_version != before.champion_version:
            yield f"entry {entry.number} is a {entry.kind} and yet another champion reigns after it than before"


def _end(store: ObjectStore, last: Entry, versions: dict[int, Version]) -> Iterator[Finding]:
    """The last entry has no successor to vouch for it, and nothing follows one that was taken off the end: tags do."""
    for version in versions.values():
        highest = max(_number(version.tags.get(tag, "")) for tag in (LEDGER_ENTRY, WITHDRAWN))
        if highest > last.number:
            said = f"a tag of version {version.number} names entry {highest}, and the ledger ends at {last.number}"
            yield Finding("cut", said, version.number)
    about = versions.get(last.version)
    announced = about.tags.get(DECIDING, "").split(" ") if about else []
    if len(announced) == 2 and _number(announced[0]) == last.number:
        data = store.get(Ledger(store, last.model).uri(last.number)) or b""
        if hashlib.sha256(data).hexdigest() != announced[1]:
            yield Finding(
                "chain", f"entry {last.number} is not the one that was announced: it was edited", last.version
            )


def _alias(seen: Court) -> Iterator[Finding]:
    ledger = seen.last.champion_version if seen.last else None
    named = seen.champion.number if seen.champion else None
    if seen.unfinished and seen.last is not None:
        said = f"entry {seen.last.champion_entry} made version {ledger} champion, and alias and tags are not there yet"
        yield Finding("unfinished", said, ledger)
    elif seen.by_hand and named is not None:
        was = "no champion" if ledger is None else f"version {ledger}"
        yield Finding("moved", f"the alias champion names version {named}, and the ledger {was}", named)
    elif seen.by_hand and ledger is not None:
        there = seen.registry.find(seen.model, ledger) is not None
        code, why = ("removed", "nothing has the alias champion") if there else ("deleted", "it is not in MLflow")
        yield Finding(code, f"the ledger names version {ledger} champion, and {why}", ledger)


def _artifact(seen: Court, entries: Sequence[Entry]) -> Iterator[Finding]:
    """The champion's model as it is stored is the one whose digest its tag and the ledger have."""
    if seen.champion is None:
        return
    version, number = seen.champion.version, seen.champion.number
    tagged, found = version.tags.get(SHA256, ""), seen.registry.digest(version)
    recorded = {entry.artifact_sha256 for entry in entries if entry.version == number} - {""}
    if found is None:
        yield Finding("artifact", f"the model file of champion {number} is gone", number)
    elif found != tagged or recorded - {found}:
        which = "its tag" if found != tagged else "the ledger"
        yield Finding("artifact", f"the model file of champion {number} has not the digest that {which} has", number)


def _tags(seen: Court, last: Entry, versions: dict[int, Version]) -> Iterator[Finding]:
    for number, version in versions.items():
        tagged = WITHDRAWN in version.tags
        if tagged and number not in last.barred:
            yield Finding("tags", f"version {number} is tagged as withdrawn, and by the ledger it is not", number)
        if not tagged and number in seen.withdrawn and not seen.unfinished:
            yield Finding("tags", f"version {number} is withdrawn by the ledger, and not tagged so", number)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
