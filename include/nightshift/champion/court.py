"""Which version reigns, now and on a night: what the ledger says, and what a person may have done to the alias since.

The ledger is written before the alias is moved. An alias that is behind the ledger therefore means a promotion that was
killed half way, if the promoted version lacks the tag that is set last, and otherwise a person who moved the alias, or
deleted the version, by hand: then the person is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_rest import LEDGER_ENTRY, NIGHT, Registry, Version


@dataclass(frozen=True)
class Reign:
    """A version that is or was champion, and the night it was trained for."""

    version: Version
    night: date

    @property
    def number(self) -> int:
        """The version's number."""
        return self.version.number


@dataclass(frozen=True)
class Court:
    """The standing champion (None: there is none), and the ledger's last entry, as they were when it was read.

    `unfinished`: the last entry's alias was never moved. `by_hand`: somebody moved or removed the alias since.
    """

    registry: Registry
    ledger: Ledger
    model: str
    champion: Reign | None
    last: Entry | None
    unfinished: bool = False
    by_hand: bool = False

    def reigning(self, night: date, without: int | None = None) -> Reign | None:
        """Who reigned on `night`: the newest champion that was not trained for a later one and still exists.

        `without`: a version to look behind, the challenger of that night, so that a night that is run again meets the
        champion that it met the first time and not itself.
        """
        if self.by_hand and self.champion is None:
            return None
        for number, trained_for in self._newest_first():
            if trained_for <= night and number != without:
                version = self.registry.find(self.model, number)
                if version is not None:
                    return Reign(version, trained_for)
        return None

    def _newest_first(self) -> Iterator[tuple[int, date]]:
        if self.by_hand and self.champion is not None:
            yield self.champion.number, self.champion.night
        for entry in self.ledger.newest_first():
            yield entry.version, entry.trained_for


def court(registry: Registry, ledger: Ledger, model: str) -> Court:
    """Who reigns now. Raises `TryLater` when MLflow or the store fails."""
    last, alias = ledger.last(), registry.champion(model)
    named = None if alias is None else Reign(alias, _trained_for(alias))
    if last is None:
        return Court(registry, ledger, model, named, None, by_hand=named is not None)
    version = alias if alias and alias.number == last.version else registry.find(model, last.version)
    if version is None:
        return Court(registry, ledger, model, named, last, by_hand=True)
    crowned, finished = Reign(version, last.trained_for), LEDGER_ENTRY in version.tags
    if finished and version is not alias:
        return Court(registry, ledger, model, named, last, by_hand=True)
    return Court(registry, ledger, model, crowned, last, unfinished=not finished)


def _trained_for(version: Version) -> date:
    """The night of a version; one that Nightshift did not train counts as older than any night."""
    try:
        return date.fromisoformat(version.tags.get(NIGHT, ""))
    except ValueError:
        return date.min
