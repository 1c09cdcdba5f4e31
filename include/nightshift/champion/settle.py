"""The one place that moves the alias: brings alias and tags to where the ledger ends, however often it is begun.

Whoever appends an entry settles it, and whoever finds the last change of the champion unsettled settles that first. The
tag `nightshift.ledger_entry` is set last, so that its absence tells a change that was cut short.
"""

import logging
import time

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_rest import LEDGER_ENTRY, WITHDRAWN, Registry
from nightshift.champion.cause import Cause
from nightshift.champion.court import Court, court
from nightshift.champion.entries import adoption, announced
from nightshift.errors import BadConfig, TryLater

log = logging.getLogger("nightshift.champion")
ATTEMPTS = 6
HAND_STAYS = 1.0
"""Seconds that an alias must stay moved to count as moved by hand: a slower writer of ours corrects itself sooner."""


def settled(registry: Registry, ledger: Ledger, model: str, cause: Cause) -> Court:
    """Who reigns, once ledger, alias and tags agree: a change that was cut short is finished, a hand's is recorded.

    Raises `TryLater` when others keep changing the champion.
    """
    for _ in range(ATTEMPTS):
        seen = court(registry, ledger, model)
        if seen.unfinished and seen.last is not None:
            log.info("finishing what entry %s of the ledger decided, which was cut short", seen.last.champion_entry)
            settle(registry, ledger, model)
        elif seen.by_hand:
            _require_whole(seen)
            adopt(seen, cause)
        else:
            return seen
    raise TryLater(f"the champion of {model} keeps being changed by others: nothing was decided")


def _require_whole(seen: Court) -> None:
    """Raises `BadConfig` when the alias names a version that an entry crowned which the ledger does not have.

    That is no hand: the ledger's end is missing, or the bucket is that of another MLflow.
    """
    named = seen.champion.version.tags.get(LEDGER_ENTRY, "") if seen.champion else ""
    last = seen.last.number if seen.last else 0
    if seen.champion is not None and named.isdecimal() and int(named) > last:
        said = f"the champion of {seen.model} was made by entry {int(named)} of its ledger, which ends at {last}"
        raise BadConfig(f"{said} in {seen.ledger.uri(last + 1)}: is this its bucket? See `nightshift history`")


def settle(registry: Registry, ledger: Ledger, model: str) -> None:
    """Brings alias and tags to where the ledger ends. Whoever appends later settles later, so they end there too."""
    for _ in range(ATTEMPTS):
        last = ledger.last()
        if last is None or last.champion_entry is None:
            return
        moved = _bring(registry, model, ledger.entry(last.champion_entry))
        after = ledger.last()
        if moved and after is not None and after.champion_entry == last.champion_entry:
            return
    raise TryLater(f"the alias champion of {model} is moved by other writers: it does not stay where the ledger ends")


def _bring(registry: Registry, model: str, crowned: Entry) -> bool:
    """Alias, then the tags of a rollback, then the tag that says that all is done. False when the alias was moved."""
    if crowned.champion_version is None:
        return True
    alias = registry.champion(model)
    stays = alias is not None and alias.number == crowned.champion_version
    moved = stays or registry.set_champion(model, crowned.champion_version)
    champion = registry.version(model, crowned.champion_version)
    taken = None if crowned.withdrawn is None else registry.find(model, crowned.withdrawn)
    if taken is not None:
        registry.tag(taken, {WITHDRAWN: f"{crowned.number:06d}"})
    if WITHDRAWN in champion.tags:
        registry.untag(champion, WITHDRAWN)
    if champion.tags.get(LEDGER_ENTRY) != f"{crowned.number:06d}":
        registry.tag(champion, {LEDGER_ENTRY: f"{crowned.number:06d}"})
    return moved


def adopt(seen: Court, cause: Cause) -> None:
    """Records what a person did to the alias, if that stays for a second."""
    time.sleep(HAND_STAYS)
    again = court(seen.registry, seen.ledger, seen.model)
    if again != seen:
        return
    entry = adoption(seen, cause)
    log.info("%s", entry.reason)
    if append(seen, entry) is not None:
        settle(seen.registry, seen.ledger, seen.model)


def append(seen: Court, entry: Entry) -> Entry | None:
    """Announces an entry on the version that it is about, and appends it. None when another was appended meanwhile."""
    numbered = seen.ledger.numbered(entry, after=seen.last)
    version = seen.registry.find(seen.model, entry.version)
    if version is None and entry.champion_version == entry.version:
        raise BadConfig(f"version {entry.version} of model {seen.model} is not in MLflow's registry: was it deleted?")
    # What a person did to the alias is no answer to whether a version may be promoted: it is not announced as one.
    if version is not None and entry.kind != "adoption":
        seen.registry.tag(version, announced(numbered))
    return seen.ledger.append(entry, after=seen.last)
