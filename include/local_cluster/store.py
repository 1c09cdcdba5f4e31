"""All objects, in memory and in one SQLite file, with the history that watches read.

Objects handed out are shared: whoever wants to change one copies it first and puts the copy.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cluster.errors import gone

Object = dict[str, Any]
Place = tuple[str, str]

TABLES = """
    PRAGMA journal_mode=WAL;
    PRAGMA synchronous=NORMAL;
    CREATE TABLE IF NOT EXISTS objects (
        plural TEXT, namespace TEXT, name TEXT, json TEXT, PRIMARY KEY (plural, namespace, name)
    );
    CREATE TABLE IF NOT EXISTS versions (reserved INTEGER);
"""
HISTORY = 5_000  # changes that a watch can still start from
RESERVED = 10_000  # versions set aside at a time, so that none is given twice, whenever the server is killed


@dataclass(frozen=True)
class Change:
    """One step in the life of an object. `previous` is None when it was created."""

    version: int
    plural: str
    item: Object
    previous: Object | None
    is_removal: bool = False


def place_of(item: Object) -> Place:
    """Where an object of a resource is kept: its namespace or empty, its name."""
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


class Store:
    """The state of the cluster. `path` is created readable for its owner only."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.executescript(TABLES)
        self._objects: defaultdict[str, dict[Place, Object]] = defaultdict(dict)
        for plural, namespace, name, text in self._file.execute("SELECT plural, namespace, name, json FROM objects"):
            self._objects[plural][namespace, name] = json.loads(text)
        (reserved,) = self._file.execute("SELECT max(reserved) FROM versions").fetchone()
        self.version: int = reserved or 1
        self._reserved = self.version
        self._oldest = self.version  # what happened before this version is not known
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._queues: set[asyncio.Queue[Change]] = set()

    def close(self) -> None:
        """Close the file; everything is in it already."""
        self._file.close()

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        """One object; None when there is none."""
        return self._objects[plural].get((namespace, name))

    def select(self, plural: str, namespace: str = "") -> list[Object]:
        """All objects of a resource, or those of one namespace, in the order of their names."""
        found = self._objects[plural]
        return [found[place] for place in sorted(found) if namespace in ("", place[0])]

    def put(self, plural: str, item: Object) -> Object:
        """Store a new object or a new version of one; returns what is stored."""
        place = place_of(item)
        previous = self._objects[plural].get(place)
        stored = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self._next_version())}}
        self._file.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (plural, *place, json.dumps(stored)))
        self._objects[plural][place] = stored
        self._record(Change(self.version, plural, stored, previous))
        return stored

    def remove(self, plural: str, item: Object) -> None:
        """Forget an object; watchers see its last state."""
        place = place_of(item)
        previous = self._objects[plural].pop(place, None)
        if previous is None:
            return
        self._file.execute("DELETE FROM objects WHERE plural = ? AND namespace = ? AND name = ?", (plural, *place))
        metadata = {**previous["metadata"], "resourceVersion": str(self._next_version())}
        self._record(Change(self.version, plural, {**previous, "metadata": metadata}, previous, is_removal=True))

    def changes_since(self, version: int) -> list[Change]:
        """What happened after a version. Raises ApiError 410 when that is no longer known."""
        first = self._history[0].version - 1 if len(self._history) == HISTORY else self._oldest
        if version < first:
            raise gone(f"too old resource version: {version} ({first})")
        return [change for change in self._history if change.version > version]

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[Change]]:
        """A queue that gets every change from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def _next_version(self) -> int:
        self.version += 1
        if self.version >= self._reserved:
            self._reserved = self.version + RESERVED
            self._file.execute("INSERT INTO versions VALUES (?)", (self._reserved,))
        return self.version

    def _record(self, change: Change) -> None:
        self._history.append(change)
        for queue in self._queues:
            queue.put_nowait(change)
