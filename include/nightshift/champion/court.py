"""Which version reigns, now and on a night: what the ledger says, and what a person may have done to the alias since.

The ledger is written before the alias is moved. An alias that is behind the ledger therefore means a change that was
cut short, if the crowned version lacks the tag that is set last and the alias names who reigned before, or a late
write of one of ours, if the version that the alias names has its mark, also where nobody reigns; and otherwise a person
who moved the alias, or deleted the version, by hand: then the person is right. When the number that the ledger names is
that of another version, nobody can say who is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_rest import LEDGER_ENTRY, NIGHT, Registry, Version
from nightshift.champion.identity import crowning, same_version
from nightshift.champion.moving import moving
from nightshift.errors import BadConfig

LOOKS = 5
"""How often ledger and alias are read again because something was decided between the two reads."""


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

    `unfinished`: the last change of the champion was decided, and alias and tags are not there, or no longer.
    `by_hand`: somebody moved or removed the alias since. `stranger`: another version that has the number of the
    ledger's champion.
    """

    registry: Registry
    ledger: Ledger
    model: str
    champion: Reign | None
    last: Entry | None
    unfinished: bool = False
    by_hand: bool = False
    stranger: Version | None = None

    @property
    def withdrawn(self) -> frozenset[int]:
        """The versions that a rollback took away and that nobody made champion again."""
        standing = {self.champion.number} if self.champion else set()
        return frozenset(self.last.barred if self.last else ()) - standing

    def reigning(self, night: date, without: int | None = None) -> Reign | None:
        """Who reigned on `night`: the newest champion that was not trained for a later one, still exists and stands.

        A version that was withdrawn is nobody's rival. `without`: a version to look behind, the challenger of that
        night, so that a night that is run again meets the champion that it met the first time and not itself.
        Raises `BadConfig` when another version has the champion's number.
        """
        self.require_known()
        if self.champion is None:
            return None
        for number, trained_for, entry in self.reigns():
            if trained_for <= night and number != without and number not in self.withdrawn:
                version = self.registry.find(self.model, number)
                if version is not None and (entry is None or same_version(version, crowning(self.ledger, entry))):
                    return Reign(version, trained_for)
        return None

    def reigns(self) -> Iterator[tuple[int, date, Entry | None]]:
        """Every reign, the newest first: a version's number, the night it was trained for, and an entry of the reign
        (None where a hand began it). MLflow may have another version of that number by now.
        """
        if self.by_hand and self.champion is not None:
            yield self.champion.number, self.champion.night, None
        for entry in self.ledger.reigns(self.last):
            if entry.champion_version is not None:
                yield entry.champion_version, date.fromisoformat(entry.champion_night or date.min.isoformat()), entry

    def require_known(self) -> None:
        """Raises `BadConfig` when the ledger's champion is not in MLflow and another version has its number."""
        if self.stranger is not None and self.last is not None:
            said = (
                f"version {self.stranger.number} of {self.model} is not the one that entry {self.last.champion_entry}"
            )
            why = "of its ledger made champion: another version has this number"
            do = "was MLflow restored, or the model made anew?"
            raise BadConfig(f"{said} {why}; {do} See `nightshift repair {self.model}`")


def court(registry: Registry, ledger: Ledger, model: str) -> Court:
    """Who reigns now. Raises `TryLater` when MLflow or the store fails."""
    seen = _look(registry, ledger, model)
    for _ in range(LOOKS):
        if not seen.by_hand:
            return seen
        # What looks like a hand may be a change that another process made after we read the ledger.
        again = _look(registry, ledger, model)
        if again.last == seen.last and _number(again) == _number(seen):
            return again
        seen = again
    return seen


def trained_for(version: Version) -> date:
    """The night of a version; one that Nightshift did not train counts as older than any night."""
    try:
        return date.fromisoformat(version.tags.get(NIGHT, ""))
    except ValueError:
        return date.min


def alias_is_late(alias: Version, last: Entry) -> bool:
    """Whether the alias is not where the ledger ends and may have been set by a late write of one of ours."""
    return alias.number != last.champion_version and moving(alias, last.barred)


def _look(registry: Registry, ledger: Ledger, model: str) -> Court:
    last, alias = ledger.last(), registry.champion(model)
    named = None if alias is None else Reign(alias, trained_for(alias))
    late = last is not None and alias is not None and alias_is_late(alias, last)
    if last is None or last.champion_version is None:
        return _empty(Court(registry, ledger, model, named, last, by_hand=named is not None), late)
    number = last.champion_version
    version = alias if alias and alias.number == number else registry.find(model, number)
    if version is None:
        return _empty(Court(registry, ledger, model, named, last, by_hand=True), late)
    began = crowning(ledger, last)
    if not same_version(version, began):
        return Court(registry, ledger, model, named, last, by_hand=True, stranger=version)
    crowned = Reign(version, date.fromisoformat(last.champion_night or date.min.isoformat()))
    finished = version.tags.get(LEDGER_ENTRY) == f"{last.champion_entry:06d}"
    if version is not alias and not late and (finished or _elsewhere(alias, began)):
        return Court(registry, ledger, model, named, last, by_hand=True)
    return Court(registry, ledger, model, crowned, last, unfinished=late or not finished)


def _elsewhere(alias: Version | None, began: Entry) -> bool:
    """Whether the alias names neither who reigned before this entry nor whom it crowned: that was none of ours."""
    return alias is not None and alias.number not in (began.previous_version, began.champion_version)


def _empty(seen: Court, late: bool) -> Court:
    """Nobody reigns by the ledger, or its champion was deleted: an alias that came late crowns nobody."""
    return replace(seen, champion=None, by_hand=False, unfinished=True) if late else seen


def _number(seen: Court) -> int | None:
    return seen.champion.number if seen.champion else None
