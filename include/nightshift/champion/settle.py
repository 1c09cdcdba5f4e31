"""The one place that moves the alias: brings alias and tags to where the ledger ends, however often it is begun.

Whoever appends an entry settles it, and whoever finds the last change of the champion unsettled settles that first. The
tag `nightshift.ledger_entry` is set last, so that its absence tells a change that was cut short.
"""

import logging
import time

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_http import Unanswered
from nightshift.adapters.registry_rest import LEDGER_ENTRY, WITHDRAWN, Registry, Version
from nightshift.champion.cause import Cause
from nightshift.champion.court import Court, alias_is_late, court
from nightshift.champion.entries import adoption, announced
from nightshift.champion.identity import crowning, same_version, taken_away
from nightshift.champion.moving import Mark
from nightshift.champion.vouching import require_whole, vouch
from nightshift.errors import BadConfig, TryLater

log = logging.getLogger("nightshift.champion")
ATTEMPTS = 6
HAND_STAYS = 1.0
"""Seconds that an alias must stay moved to count as moved by hand: a person may correct a slip. A writer of ours that
was overtaken is not told by time, however long it stalls, but by its mark.
"""


def settled(registry: Registry, ledger: Ledger, model: str, cause: Cause) -> Court:
    """Who reigns, once ledger, alias and tags agree: a change that was cut short is finished, a hand's is recorded.

    Raises `TryLater` when others keep changing the champion, `BadConfig` when entries of the ledger are missing, or
    MLflow gave the champion's number to another version.
    """
    for _ in range(ATTEMPTS):
        seen = court(registry, ledger, model)
        seen.require_known()
        if seen.last is None or seen.unfinished:
            require_whole(seen)
        if seen.unfinished and seen.last is not None:
            log.info("alias and tags are not where entry %s of the ledger ends: bringing them there", seen.last.number)
            settle(registry, ledger, model)
        elif seen.by_hand:
            adopt(seen, cause)
        else:
            return seen
    raise TryLater(f"the champion of {model} keeps being changed by others: nothing was decided")


def settle(registry: Registry, ledger: Ledger, model: str) -> None:
    """Brings alias and tags to where the ledger ends. Whoever appends later settles later, so they end there too.

    An alias that a late write of ours set is taken away where nobody reigns, or the crowned version is gone. Raises
    `BadConfig` when the crowned version is not in MLflow, `TryLater` when the alias does not stay.
    """
    mark = Mark(registry)
    for _ in range(ATTEMPTS):
        last = ledger.last()
        if last is None:
            return mark.remove()
        brought = _bring(registry, ledger, last, mark)
        after = ledger.last()
        if brought and after is not None and after.champion_entry == last.champion_entry:
            return mark.remove()
    why = "it is moved by other writers, or MLflow does not answer"
    raise TryLater(f"the alias champion of {model} does not stay where the ledger ends: {why}")


def _bring(registry: Registry, ledger: Ledger, last: Entry, mark: Mark) -> bool:
    """The alias, then the tags. False when the alias is not there, or may not be."""
    alias = registry.champion(last.model)
    late = alias is not None and alias_is_late(alias, last)
    if alias is not None:
        mark.meet(alias)
    nobody = last.champion_version is None or (late and registry.find(last.model, last.champion_version) is None)
    if nobody:
        return registry.remove_champion(last.model) if late else True
    crowned = crowning(ledger, last)
    there = alias is not None and alias.number == crowned.champion_version
    if not there and not _moved(registry, crowned, mark):
        return False
    _tag(registry, ledger, crowned, mark)
    return True


def _tag(registry: Registry, ledger: Ledger, crowned: Entry, mark: Mark) -> None:
    """The tags of a rollback, then the tag that says that all is done."""
    champion = _crowned(registry, crowned)
    taken = taken_away(registry, ledger, crowned)
    mark.meet(champion)
    if taken is not None:
        mark.meet(taken)
        registry.tag(taken, {WITHDRAWN: f"{crowned.number:06d}"})
    if WITHDRAWN in champion.tags:
        registry.untag(champion, WITHDRAWN)
    if champion.tags.get(LEDGER_ENTRY) != f"{crowned.number:06d}":
        registry.tag(champion, {LEDGER_ENTRY: f"{crowned.number:06d}"})


def _moved(registry: Registry, crowned: Entry, mark: Mark) -> bool:
    """Moves the alias, marked. False when another writer moved it in between, or MLflow did not answer."""
    champion = _crowned(registry, crowned)
    mark.put(champion)
    try:
        return registry.set_champion(crowned.model, champion.number)
    except Unanswered as error:
        log.warning("%s; it is tried again", error)
        mark.stay()
        return False


def _crowned(registry: Registry, crowned: Entry) -> Version:
    number = crowned.champion_version or 0
    version = registry.version(crowned.model, number)
    if not same_version(version, crowned):
        said = f"version {number} of {crowned.model} is not the one that entry {crowned.number} made champion"
        raise BadConfig(f"{said}: another version has this number; nothing was changed")
    return version


def adopt(seen: Court, cause: Cause) -> None:
    """Records what a person did to the alias, if that stays and is not recorded yet.

    Raises `BadConfig` when entries are missing.
    """
    require_whole(seen)
    time.sleep(HAND_STAYS)
    again = court(seen.registry, seen.ledger, seen.model)
    if again != seen or not seen.by_hand:
        return
    entry = adoption(seen, cause)
    log.info("%s", entry.reason)
    if append(seen, entry) is not None:
        settle(seen.registry, seen.ledger, seen.model)


def append(seen: Court, entry: Entry) -> Entry | None:
    """Announces an entry on the version that it is about, appends it and vouches for it there.

    None when another was appended meanwhile.
    """
    numbered = seen.ledger.numbered(entry, after=seen.last)
    version = seen.registry.find(seen.model, entry.version)
    if version is None and entry.champion_version == entry.version:
        raise BadConfig(f"version {entry.version} of model {seen.model} is not in MLflow's registry: was it deleted?")
    # What a person did to the alias is no answer to whether a version may be promoted: it is not announced as one.
    if version is not None and entry.kind != "adoption":
        seen.registry.tag(version, announced(numbered))
    appended = seen.ledger.append(entry, after=seen.last)
    if appended is not None and version is not None:
        vouch(seen.registry, seen.ledger, version, appended)
    return appended
