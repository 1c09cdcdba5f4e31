"""Rollback: an earlier champion reigns again, and the standing one is withdrawn until a person brings it back.

Only a version that was champion before can be gone back to: it once passed the gate, or a person answered for it.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from nightshift.adapters.ledger import Cause, Entry, Ledger
from nightshift.adapters.registry_rest import SHA256, Registry
from nightshift.adapters.storage import ObjectStore
from nightshift.champion import entries
from nightshift.champion.court import Court, Reign
from nightshift.champion.identity import crowning, same_run
from nightshift.champion.settle import append, settle, settled
from nightshift.champion.vouching import vouch
from nightshift.errors import BadConfig, DataRejected, NothingToDo, TryLater
from nightshift.story.card import publish_cards

LOOKS = 8
REMEMBERED = 50
"""How many reigns back a run looks for the rollback that an earlier attempt of it made. One that is further back is not
found, and nothing is rolled back either: today's champion was crowned after that run was asked for.
"""
PREVIOUS = "previous"
NUMBER = re.compile(r"\A[1-9][0-9]{0,8}\Z")
SHORTEST, LONGEST = 3, 500


@dataclass(frozen=True)
class Wish:
    """What a person wants: `version` to reign again (None: the one that reigned before the standing champion).

    `asked_at`: the instant at which the person asked, with a time zone; whoever became champion later was not meant. It
    is by the clock of Airflow's API server, or of the shell's machine, and is compared with the ledger's, which is that
    of the process that made the entry, to the second. No difference between clocks is allowed for: where the ledger's
    is ahead, a rollback may have to be asked for again; where it is behind, by that much a later champion is not told.
    """

    model: str
    version: int | None
    reason: str
    cause: Cause
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class RolledBack:
    """The entry that did it. `again`: an earlier attempt of the same run had done it."""

    entry: Entry
    again: bool


@dataclass(frozen=True)
class _Target:
    """An earlier reign, and the entry that began it (None: a hand did)."""

    reign: Reign
    crowned: Entry | None


def version_of(text: str) -> int | None:
    """The version that a person named, None for `previous`. Raises `BadConfig` for anything else."""
    if text == PREVIOUS:
        return None
    if not NUMBER.match(text):
        raise BadConfig(f"version {text[:40]!r} is no version: write its number, or {PREVIOUS}")
    return int(text)


def reason_of(text: str) -> str:
    """The reason, stripped. Raises `BadConfig` unless it is one printable line of 3 to 500 characters."""
    reason = text.strip()
    if not SHORTEST <= len(reason) <= LONGEST:
        raise BadConfig(f"the reason has {len(reason)} characters: write {SHORTEST} to {LONGEST}")
    if not reason.isprintable():
        raise BadConfig("the reason must be one line without control characters")
    return reason


def asked_at_of(text: str) -> datetime:
    """The instant at which a rollback was asked for. Raises `BadConfig` unless it is ISO 8601 with a time zone."""
    try:
        asked_at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadConfig(f"--asked-at {text[:40]!r} is no instant: write it as 2013-02-09T06:30:00+00:00") from error
    if asked_at.tzinfo is None:
        raise BadConfig(f"--asked-at {text[:40]!r} has no time zone: write it as 2013-02-09T06:30:00+00:00")
    return asked_at


def roll_back(store: ObjectStore, registry: Registry, wish: Wish) -> RolledBack:
    """Makes an earlier champion reign again, in ledger, alias and tags.

    Raises `NothingToDo` when it reigns already, `BadConfig` when it never was champion, is gone, or another became
    champion since it was asked for, `DataRejected` when its stored model is not what was promoted, `TryLater` when S3
    or MLflow fails.
    """
    ledger = Ledger(store, wish.model)
    standing: tuple[int | None] | None = None
    for _ in range(LOOKS):
        seen = settled(registry, ledger, wish.model, wish.cause)
        done = _done_before(seen, wish)
        if done is not None:
            _vouch(seen, done)
            publish_cards(store, registry, wish.model, done.version, done.withdrawn)
            return RolledBack(done, again=True)
        standing = _unchanged(standing, seen)
        target = _target(seen, wish)
        _require_meant(seen, wish)
        _require_intact(seen, target)
        entry = append(seen, entries.rollback(seen, target.reign, wish.reason, wish.cause))
        if entry is not None:
            settle(registry, ledger, wish.model)
            publish_cards(store, registry, wish.model, entry.version, entry.withdrawn)
            return RolledBack(entry, again=False)
    raise TryLater(f"the ledger of {wish.model} grew {LOOKS} times while the rollback was made")


def _vouch(seen: Court, entry: Entry) -> None:
    """The earlier attempt may have ended before it did; an entry that others follow is vouched for by them."""
    version = seen.registry.find(seen.model, entry.version)
    if seen.last is not None and entry.number == seen.last.number and version is not None:
        vouch(seen.registry, seen.ledger, version, entry)


def _done_before(seen: Court, wish: Wish) -> Entry | None:
    """The rollback that was made for this wish: by an earlier attempt of the same run, however long ago, or by the same
    person for the same reason, if it made the standing champion. A shell has no run to tell its attempts by, and a
    button that is pressed twice makes two.
    """
    standing = seen.last.champion_entry if seen.last else None
    for reign in islice(seen.ledger.reigns(seen.last), REMEMBERED):
        crowned = crowning(seen.ledger, reign)
        if crowned.kind == "rollback" and _asked_for(crowned, wish, stands=crowned.number == standing):
            return crowned
    return None


def _asked_for(entry: Entry, wish: Wish, *, stands: bool) -> bool:
    asked, found = wish.cause, entry.cause
    same_run = asked.kind != "shell" and (asked.by, asked.kind) == (found.by, found.kind)
    same_person = stands and asked.user == found.user != ""
    return (same_run or same_person) and wish.reason == entry.reason and wish.version in (None, entry.version)


def _unchanged(before: tuple[int | None] | None, seen: Court) -> tuple[int | None]:
    """Who stands. Raises `BadConfig` when that is another than at the first look: nobody asked to withdraw it."""
    now = (seen.champion.number if seen.champion else None,)
    if before is not None and before != now:
        changed = f"the champion of {seen.model} changed from {before[0]} to {now[0]} while the rollback was made"
        raise BadConfig(f"{changed}: nothing was rolled back; look at the history and ask again")
    return now


def _require_meant(seen: Court, wish: Wish) -> None:
    """Raises `BadConfig` when the standing champion was crowned after the rollback was asked for.

    A retry, a slow pod and a run that was queued or cleared come later than the person. A champion that a hand set
    counts from when it was found: `previous` would be the version that the hand took away.
    """
    if seen.champion is None or seen.last is None:
        return
    crowned = crowning(seen.ledger, seen.last)
    if datetime.fromisoformat(crowned.when) <= wish.asked_at:
        return
    came = "was found to be champion by hand" if crowned.kind == "adoption" else "became champion"
    asked = wish.asked_at.astimezone(UTC).isoformat(timespec="seconds")
    said = f"version {seen.champion.number} of {seen.model} {came} at {crowned.when}, after this rollback was asked for"
    raise BadConfig(f"{said} at {asked}: nothing was rolled back; look at the history and ask again")


def _target(seen: Court, wish: Wish) -> _Target:
    return _previous(seen) if wish.version is None else _named(seen, wish.version)


def _previous(seen: Court) -> _Target:
    standing = seen.champion.number if seen.champion else None
    for number, night, entry in seen.reigns():
        if number != standing and number not in seen.withdrawn:
            version = seen.registry.find(seen.model, number)
            crowned = None if entry is None else crowning(seen.ledger, entry)
            if version is not None and (crowned is None or same_run(version, crowned)):
                return _Target(Reign(version, night), crowned)
    who = "no version" if standing is None else f"version {standing}"
    raise BadConfig(f"{who} is champion of {seen.model} and no earlier champion is left to go back to")


def _named(seen: Court, number: int) -> _Target:
    if seen.champion is not None and seen.champion.number == number:
        raise NothingToDo(f"version {number} is champion of {seen.model} already: nothing was rolled back")
    version = seen.registry.version(seen.model, number)
    reigned = next(((night, entry) for who, night, entry in seen.reigns() if who == number), None)
    if reigned is None:
        raise BadConfig(
            f"version {number} of {seen.model} never was champion: a rollback goes back to one that was; "
            f"`nightshift history {seen.model}` lists them"
        )
    night, entry = reigned
    crowned = None if entry is None else crowning(seen.ledger, entry)
    if crowned is not None and not same_run(version, crowned):
        raise BadConfig(f"version {number} of {seen.model} is not the one that was champion: it has its number only")
    return _Target(Reign(version, night), crowned)


def _require_intact(seen: Court, target: _Target) -> None:
    """Raises `DataRejected` unless the stored model is what its tag and the entry that made it champion say.

    Only that entry: one of an older reign may be about another version that had the number.
    """
    version = target.reign.version
    wanted, found = version.tags.get(SHA256, ""), seen.registry.digest(version)
    recorded = target.crowned.artifact_sha256 if target.crowned else ""
    who = f"version {version.number} of {seen.model} cannot be champion again"
    if found is None:
        raise DataRejected(f"{who}: its model file is gone")
    if not wanted or found != wanted or recorded not in ("", found):
        known = wanted or "none"
        raise DataRejected(f"{who}: its model has the digest {found[:12]}…, tagged {known[:12]}…: it was changed")
