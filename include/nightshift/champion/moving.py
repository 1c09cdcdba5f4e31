"""The mark on a version to which one of ours is about to move the alias: a late write is not taken for a hand.

MLflow's alias cannot be moved on a condition: a promoter that stalls before its write may put back what others have
replaced since, and may die before it corrects that. Each writer has a mark of its own and removes that; of others it
removes only what they left long ago.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from nightshift.adapters.registry_rest import MOVING, Registry, Version

STALLS = timedelta(days=8)
"""How long a mark counts: longer than it takes until the next run looks at the alias, a week at the most."""
LEFT = timedelta(hours=1)
"""How old a mark is whose writer was killed: whoever settles takes it away."""
AHEAD = timedelta(minutes=5)
"""How much later than our clock a writer's may be. A mark from further ahead was made by none of ours."""


class Mark:
    """The mark of one writer, on every version to which it moved the alias."""

    def __init__(self, registry: Registry) -> None:
        self._registry, self._tag = registry, MOVING + uuid4().hex[:12]
        self._on: dict[int, Version] = {}
        self._met: dict[int, Version] = {}
        self._stays = False

    def put(self, version: Version) -> None:
        """Marks a version: before the alias is moved to it."""
        self._registry.tag(version, {self._tag: datetime.now(UTC).isoformat(timespec="seconds")})
        self._on[version.number] = version

    def stay(self) -> None:
        """Leaves the marks where they are: a write had no answer and may be carried out when all else is done."""
        self._stays = True

    def meet(self, version: Version) -> None:
        """Keeps in mind a version on which others may have left marks."""
        self._met[version.number] = version

    def remove(self) -> None:
        """Takes marks away, once the alias is where the ledger ends: its own, and those that were left."""
        for version in () if self._stays else self._on.values():
            self._registry.untag(version, self._tag)
        for version in self._met.values():
            for tag in _marks(version) - _younger(version, LEFT):
                self._registry.untag(version, tag)


def moving(version: Version, barred: Collection[int]) -> bool:
    """Whether one of ours may have moved the alias to this version within the last eight days; or ever, if it is
    `barred`: a version that was withdrawn is not made champion again upon a doubt.
    """
    return bool(_marks(version)) if version.number in barred else bool(_younger(version, STALLS))


def _marks(version: Version) -> set[str]:
    return {tag for tag in version.tags if tag.startswith(MOVING)}


def _younger(version: Version, age: timedelta) -> set[str]:
    now = datetime.now(UTC)
    return {tag for tag in _marks(version) if now - age < _instant(version.tags[tag]) <= now + AHEAD}


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)
