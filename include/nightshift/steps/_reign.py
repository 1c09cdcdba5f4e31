"""Which version reigns, now and on a night: what the ledger says, and what a person may have done to the alias since.

The ledger is written before the alias is moved. An alias that is behind the ledger therefore means a promotion that was
killed half way, if the promoted version lacks the tag that is set last, and otherwise a person who moved the alias by
hand: then the person is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_rest import LEDGER_ENTRY, NIGHT, Registry, Version


@dataclass(frozen=True)
class Reign:
    """A version that is or was champion, and the night it was trained for."""

    version: int
    night: date


@dataclass(frozen=True)
class Court:
    """The standing champion (None: there is none), and the ledger's last entry.

    `unfinished`: the last entry's alias was never moved. `by_hand`: somebody moved or removed the alias since.
    """

    champion: Reign | None
    last: Entry | None
    unfinished: bool = False
    by_hand: bool = False


def court(registry: Registry, ledger: Ledger, model: str) -> Court:
    """Who reigns now. Raises `TryLater` when MLflow or the store fails."""
    last, alias = ledger.last(), registry.champion(model)
    named = None if alias is None else Reign(alias.number, _trained_for(alias))
    if last is None:
        return Court(named, None, by_hand=named is not None)
    crowned = Reign(last.version, last.trained_for)
    if named is not None and named.version == last.version:
        return Court(crowned, last, unfinished=LEDGER_ENTRY not in (alias.tags if alias else {}))
    if LEDGER_ENTRY not in registry.version(model, last.version).tags:
        return Court(crowned, last, unfinished=True)
    return Court(named, last, by_hand=True)


def reigning(seen: Court, ledger: Ledger, night: date, without: int | None = None) -> Reign | None:
    """Who reigned on `night`: the newest champion that was not trained for a later one.

    `without`: a version to look behind, the challenger of that night, so that a night that is run again meets the
    champion that it met the first time and not itself.
    """
    for reign in _newest_first(seen, ledger):
        if reign.night <= night and reign.version != without:
            return reign
    return None


def _newest_first(seen: Court, ledger: Ledger) -> Iterator[Reign]:
    if seen.by_hand:
        if seen.champion is None:
            return
        yield seen.champion
    for entry in ledger.newest_first():
        yield Reign(entry.version, entry.trained_for)


def _trained_for(version: Version) -> date:
    """The night of a version; one that Nightshift did not train counts as older than any night."""
    try:
        return date.fromisoformat(version.tags.get(NIGHT, ""))
    except ValueError:
        return date.min
