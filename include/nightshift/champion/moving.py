"""The mark on a version to which one of ours is about to move the alias: a late write is not taken for a hand.

MLflow's alias cannot be moved on a condition: a promoter that stalls before its write may put back what others have
replaced since, and may die before it corrects that. Each writer has a mark of its own and removes that only.
"""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from nightshift.adapters.registry_rest import MOVING, Registry, Version

STALLS = timedelta(hours=1)
"""How long a writer may stall. An older mark is that of one that was killed: then an alias here was moved by hand."""


class Mark:
    """The mark of one writer, on every version to which it moved the alias."""

    def __init__(self, registry: Registry) -> None:
        self._registry, self._tag = registry, MOVING + uuid4().hex[:12]
        self._on: list[Version] = []

    def put(self, version: Version) -> None:
        """Marks a version: before the alias is moved to it."""
        self._registry.tag(version, {self._tag: datetime.now(UTC).isoformat(timespec="seconds")})
        self._on.append(version)

    def remove(self) -> None:
        """Takes the marks away: once the alias is where the ledger ends."""
        for version in self._on:
            self._registry.untag(version, self._tag)


def moving(version: Version) -> bool:
    """Whether one of ours may have moved the alias to this version within the last hour."""
    began = (_instant(value) for tag, value in version.tags.items() if tag.startswith(MOVING))
    return any(instant > datetime.now(UTC) - STALLS for instant in began)


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
