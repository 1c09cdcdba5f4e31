"""Whether ledger, alias, tags and registry say the same: what differs, a sentence each. Reads, and changes nothing.

Codes: `chain` (entries missing, edited or out of order), `cut` (the ledger's end is missing), `succession` (two entries
that follow each other do not fit), `number` (another version has the number of the champion), `unfinished` (a change
was cut short), `moved`, `removed` and `deleted` (what a hand did in MLflow), `artifact` (the champion's stored model is
not the one that was promoted), `tags`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.ledger_reading import Reading, last_number, read
from nightshift.adapters.registry_rest import SHA256, WITHDRAWN, Registry, Version
from nightshift.adapters.storage import ObjectStore
from nightshift.champion.court import Court, court
from nightshift.champion.identity import same_run
from nightshift.champion.recall import withdrawal
from nightshift.champion.vouching import beyond, version_vouches
from nightshift.errors import TryLater

LOOKS = 5
"""How often all is read again because something was decided meanwhile."""


@dataclass(frozen=True)
class Finding:
    """One thing that does not agree. `version`: the one that it is about, where it is about one."""

    code: str
    sentence: str
    version: int | None = None


def findings(store: ObjectStore, registry: Registry, model: str) -> list[Finding]:
    """Everything that does not agree; empty when all does. Raises `TryLater` when S3 or MLflow fails, or when something
    is decided at every look.
    """
    for _ in range(LOOKS):
        end = last_number(store, model)
        found = _findings(read(store, model, 1, end), end, registry, Ledger(store, model), model)
        if last_number(store, model) == end:
            return found
    raise TryLater(f"the ledger of {model} grew {LOOKS} times while it was checked")


def _findings(reading: Reading, end: int, registry: Registry, ledger: Ledger, model: str) -> list[Finding]:
    found = of_ledger(reading)
    versions = {version.number: version for version in registry.versions(model)}
    found += [*_cut(end, versions), *_edited(reading, end, ledger, versions)]
    if end and not _readable(reading, end, model):
        return found
    seen = court(registry, ledger, model)
    return [*found, *_alias(seen), *_artifact(seen, reading.entries), *_tags(seen, versions)]


def _readable(reading: Reading, end: int, model: str) -> bool:
    """Whether the ledger's end says who reigns, and the entry that crowned the champion is there."""
    there = {entry.number: entry for entry in reading.entries if entry.model == model}
    return end in there and (there[end].champion_entry or end) in there


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


def _cut(end: int, versions: dict[int, Version]) -> Iterator[Finding]:
    """Nothing follows an entry that was taken off the end: tags tell."""
    for version, number in beyond(versions.values(), end):
        said = f"a tag of version {version.number} names entry {number}, and the ledger ends at {end}"
        yield Finding("cut", said, version.number)


def _edited(reading: Reading, end: int, ledger: Ledger, versions: dict[int, Version]) -> Iterator[Finding]:
    """An entry is the one that its version's tag vouches for. The last one has no other that would."""
    digests = {entry.number - 1: entry.previous_digest for entry in reading.entries}
    if reading.last is not None and (reading.last.number, reading.last.model) == (end, ledger.model):
        digests[end] = ledger.digest(end)
    for version in versions.values():
        number, digest = version_vouches(version)
        if digests.get(number) not in (None, digest):
            said = f"entry {number} is not the one that was appended about version {version.number}: it was edited"
            yield Finding("chain", said, version.number)


def _alias(seen: Court) -> Iterator[Finding]:
    ledger = seen.last.champion_version if seen.last else None
    named = seen.champion.number if seen.champion else None
    if seen.stranger is not None and seen.last is not None:
        said = f"version {ledger} is not the one that entry {seen.last.champion_entry} made champion"
        yield Finding("number", f"{said}: another version has this number", ledger)
    elif seen.unfinished and seen.champion is None:
        yield Finding("unfinished", "the alias champion was set by a writer that came late, and nobody reigns")
    elif seen.unfinished and seen.last is not None:
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
    """The champion's model as it is stored is the one whose digest its tag and the ledger have.

    Another version may have had its number before: only what the ledger says of this one's run is about it.
    """
    if seen.champion is None or seen.stranger is not None:
        return
    version, number = seen.champion.version, seen.champion.number
    tagged, found = version.tags.get(SHA256, ""), seen.registry.digest(version)
    recorded = {e.artifact_sha256 for e in entries if e.version == number and same_run(version, e)} - {""}
    if found is None:
        yield Finding("artifact", f"the model file of champion {number} is gone", number)
    elif found != tagged or recorded - {found}:
        which = "its tag" if found != tagged else "the ledger"
        yield Finding("artifact", f"the model file of champion {number} has not the digest that {which} has", number)


def _tags(seen: Court, versions: dict[int, Version]) -> Iterator[Finding]:
    barred = seen.last.barred if seen.last else ()
    for number, version in versions.items():
        tagged = WITHDRAWN in version.tags
        if tagged and number not in barred:
            yield Finding("tags", f"version {number} is tagged as withdrawn, and by the ledger it is not", number)
        if not tagged and number in seen.withdrawn and not seen.unfinished and withdrawal(seen, number):
            yield Finding("tags", f"version {number} is withdrawn by the ledger, and not tagged so", number)
