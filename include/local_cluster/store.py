"""Keeps all objects in memory and in one SQLite file, with the history for watches.

Objects that it returns are shared: a caller that changes one copies it first and stores the copy.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cluster.errors import DiskFull, Gone

Object = dict[str, Any]
Place = tuple[str, str]
Key = tuple[str, str, str]

TABLES = """
    PRAGMA journal_mode=WAL;
    PRAGMA synchronous=NORMAL;
    CREATE TABLE IF NOT EXISTS objects (
        plural TEXT, namespace TEXT, name TEXT, json TEXT, PRIMARY KEY (plural, namespace, name)
    );
    CREATE TABLE IF NOT EXISTS versions (reserved INTEGER);
"""
HISTORY = 5_000  # changes that a watch can still start from
RESERVED = 10_000  # versions reserved at a time: none is given twice, even if the server is killed

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """One change of an object. `previous` is None when it was created."""

    version: int
    plural: str
    item: Object
    previous: Object | None
    is_removal: bool = False


def get_place(item: Object) -> Place:
    """Returns the namespace (or "") and the name of an object."""
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


class Store:
    """The state of the cluster. `path` is created readable for its owner only.

    A file that cannot be read is renamed, and a row that cannot be read is dropped: their objects are lost, the others
    remain. On a full disk, changes stay in memory until they can be written.
    """

    def __init__(self, path: Path) -> None:
        self._objects: defaultdict[str, dict[Place, Object]] = defaultdict(dict)
        self._unwritten: dict[Key, str | None] = {}  # in the order of the changes; None: removed
        try:
            self._file = _open(path)
            reserved = self._load()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # such as a full disk: the file itself is not damaged
            _set_aside(path, error)
            self._objects.clear()
            self._file = _open(path)
            reserved = int(time.time())  # above each version that a client may remember
        self.version: int = reserved or 1
        self._reserved = self.version
        self._oldest = self.version  # changes before this version are not known
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._queues: set[asyncio.Queue[Change]] = set()

    def close(self) -> None:
        """Closes the file."""
        self.write_pending()
        self._file.close()

    @property
    def pending(self) -> int:
        """How many changes wait for space on the disk."""
        return len(self._unwritten)

    def write_pending(self) -> None:
        """Writes the changes that waited for space on the disk, if there is space now."""
        if not self._unwritten:
            return
        try:
            for key, text in list(self._unwritten.items()):
                self._execute(key, text)
                del self._unwritten[key]
        except sqlite3.OperationalError:
            return
        logger.info("the store is written again")

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        """Returns one object; None when there is none."""
        return self._objects[plural].get((namespace, name))

    def select(self, plural: str, namespace: str = "") -> list[Object]:
        """Returns all objects of a resource, or those of one namespace, in the order of their names."""
        objects = self._objects[plural]
        return [objects[place] for place in sorted(objects) if namespace in ("", place[0])]

    def put(self, plural: str, item: Object, must_last: bool = False) -> Object:
        """Stores a new object or a new version of one; returns what is stored.

        With `must_last`, raises ApiError 507 on a full disk instead of keeping the object in memory only.
        """
        place = get_place(item)
        previous = self._objects[plural].get(place)
        stored = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self._take_next_version())}}
        self._write((plural, *place), json.dumps(stored), must_last)
        self._objects[plural][place] = stored
        self._record(Change(self.version, plural, stored, previous))
        return stored

    def remove(self, plural: str, item: Object) -> None:
        """Removes an object; watchers get its last state."""
        place = get_place(item)
        previous = self._objects[plural].pop(place, None)
        if previous is None:
            return
        self._write((plural, *place), None)
        metadata = {**previous["metadata"], "resourceVersion": str(self._take_next_version())}
        self._record(Change(self.version, plural, {**previous, "metadata": metadata}, previous, is_removal=True))

    def list_changes_since(self, version: int) -> list[Change]:
        """Returns the changes after a version. Raises ApiError 410 when they are no longer known."""
        first = self._history[0].version - 1 if len(self._history) == HISTORY else self._oldest
        if version < first:
            raise Gone(f"too old resource version: {version} ({first})")
        return [change for change in self._history if change.version > version]

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[Change]]:
        """Yields a queue that gets every change from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def _take_next_version(self) -> int:
        self.version += 1
        if self.version >= self._reserved:
            reserved = self.version + RESERVED
            try:
                self._file.execute("INSERT INTO versions VALUES (?)", (reserved,))
            except sqlite3.OperationalError:
                return self.version  # a full disk: tried again with the next version
            self._reserved = reserved
        return self.version

    def _write(self, key: Key, text: str | None, must_last: bool = False) -> None:
        """Writes or removes one object; in memory only while the disk is full."""
        self.write_pending()
        try:
            if self._unwritten:
                raise sqlite3.OperationalError("earlier changes wait for space")
            self._execute(key, text)
        except sqlite3.OperationalError as error:
            if must_last:
                raise DiskFull() from error
            if not self._unwritten:
                logger.error("cannot write the store (%s): changes stay in memory until there is space", error)
            self._unwritten.pop(key, None)
            self._unwritten[key] = text

    def _execute(self, key: Key, text: str | None) -> None:
        if text is None:
            self._file.execute("DELETE FROM objects WHERE plural = ? AND namespace = ? AND name = ?", key)
        else:
            self._file.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (*key, text))

    def _load(self) -> int:
        """Reads all objects; returns the highest version that was given or reserved."""
        rows = self._file.execute("SELECT plural, namespace, name, json FROM objects").fetchall()
        for plural, namespace, name, text in rows:
            item = _parse_object(text, (namespace, name))
            if item is None:
                logger.error("the stored object %s %s/%s cannot be read: it counts as lost", plural, namespace, name)
                self._write((plural, namespace, name), None)
            else:
                self._objects[plural][namespace, name] = item
        (reserved,) = self._file.execute("SELECT max(reserved) FROM versions").fetchone()
        return int(reserved or 0)

    def _record(self, change: Change) -> None:
        self._history.append(change)
        for queue in self._queues:
            queue.put_nowait(change)


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    file = sqlite3.connect(path, isolation_level=None)
    file.text_factory = lambda data: data.decode(errors="replace")  # a damaged text costs one object only
    file.executescript(TABLES)
    return file


def _set_aside(path: Path, error: sqlite3.Error) -> None:
    """Renames a damaged store, so that it can be examined."""
    aside = path.with_name(f"{path.name}.unreadable-{int(time.time())}")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.rename(aside)
    logger.error(
        "the store %s cannot be read (%s): it is now %s, and all objects in it are lost; `make up` puts the platform's "
        "own back",
        path,
        error,
        aside,
    )


def _parse_object(text: Any, place: Place) -> Object | None:
    """Returns the object of a row, or None when the row is damaged."""
    try:
        item = json.loads(text)
        if get_place(item) == place and isinstance(item["metadata"].get("uid", ""), str):
            return dict(item)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return None
