"""Snapshots of a run's code, as it was when the run's first pod started.

Pods of this machine run from a checkout that may be edited meanwhile. A pod that carries `GROUP` runs with a copy of
the code directories: the first pod of a group makes it, the others use the same one. Copies are named by the digest of
their content, so that groups share them. Other clusters ignore the annotation: there, the image's digest fixes the
code.
"""

from __future__ import annotations

import asyncio
import compileall
import hashlib
import json
import logging
import os
import py_compile
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from local_cluster.files import UNFINISHED, remove_unfinished, sync_directory, write_atomically
from local_cluster.shim.spec import Mount

Object = dict[str, Any]
GROUP = "local-cluster/code-snapshot"
DIGEST = "local-cluster/code-digest"
KEPT_SECONDS = 86_400.0  # later steps of an older run get new code, or are refused
LEFT_OUT = ("__pycache__", ".git", ".venv", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache")

logger = logging.getLogger(__name__)


class SnapshotError(Exception):
    """The code with which a group began no longer exists."""


def get_group(pod: Object) -> str:
    """Returns the group whose code a pod requests; "" when it requests the current code."""
    return str((pod["metadata"].get("annotations") or {}).get(GROUP) or "")


def add_digest(pod: Object, digest: str) -> Object:
    """Returns the pod with the digest of its code in an annotation, which its environment may use as a field."""
    metadata = pod["metadata"]
    return {**pod, "metadata": {**metadata, "annotations": {**metadata["annotations"], DIGEST: digest}}}


class Snapshots:
    """The copies of the code in `roots`, below one directory."""

    def __init__(self, directory: Path, roots: tuple[Path, ...]) -> None:
        self._directory = directory
        self._roots = tuple(root.resolve() for root in roots)
        self._checked: set[str] = set()  # digests whose copies this server has read
        self._turn = asyncio.Lock()

    async def take(self, group: str) -> str:
        """Returns the digest of the group's code, copied if the group is new; "" when there are no roots.

        Raises OSError when no copy can be made, SnapshotError when the group's copy is gone.
        """
        if not self._roots:
            return ""
        async with self._turn:
            return await asyncio.to_thread(self._take, group)

    def list_mounts(self, digest: str) -> list[Mount]:
        """Returns the mounts that show a copy in place of the code."""
        copies = {root: self._get_copy(digest, root) for root in self._roots if digest}
        return [Mount(str(copy), str(root), read_only=True) for root, copy in copies.items() if copy.is_dir()]

    def redirect(self, digest: str, variables: dict[str, str]) -> dict[str, str]:
        """Returns the variables that make imports use a copy, where mounts are forbidden."""
        copies = [str(self._get_copy(digest, root)) for root in self._roots]
        moved = {name: self._redirect_paths(digest, value) for name, value in variables.items() if name != "PATH"}
        path = [*copies, *filter(None, [moved.get("PYTHONPATH")])]
        return {**variables, **moved, "PYTHONPATH": ":".join(path)}

    async def sweep(self, live: Collection[str]) -> None:
        """Removes the groups without pods that were not used for a day, and the copies that no group uses."""
        async with self._turn:
            await asyncio.to_thread(self._sweep, live)

    def _sweep(self, live: Collection[str]) -> None:
        limit, used = time.time() - KEPT_SECONDS, set[str]()
        records = {self._get_record_path(group) for group in live}
        for record in self._get_groups_directory().glob("*.json"):
            digest = _read_digest(record)
            if record in records or (digest and _read_change_time(record) > limit):
                used.add(digest)
            else:
                record.unlink(missing_ok=True)
        for copy in self._directory.iterdir() if self._directory.is_dir() else ():
            if copy != self._get_groups_directory() and copy.name not in used and _read_change_time(copy) < limit:
                shutil.rmtree(copy, ignore_errors=True)

    def clean(self) -> None:
        """Removes unfinished copies that a crash left."""
        remove_unfinished(self._get_groups_directory())
        for copy in self._directory.glob(f"*{UNFINISHED}"):
            shutil.rmtree(copy, ignore_errors=True)

    def _take(self, group: str) -> str:
        record = self._get_record_path(group)
        if record.exists() and (digest := _read_digest(record)):
            if not self._is_whole(digest):
                raise SnapshotError(
                    f"the code with which this run began (snapshot {digest[:12]}) is not there any more: clear the "
                    "run's tasks from the first one on, or start a new run; it then runs with the current code"
                )
            os.utime(record)
            return digest
        digest = self._make()
        self._get_groups_directory().mkdir(exist_ok=True)
        write_atomically(record, json.dumps({"group": group, "digest": digest}).encode())
        return digest

    def _make(self) -> str:
        """Copies the current code, unless there is such a copy."""
        self._directory.mkdir(exist_ok=True)
        fresh = self._directory / f"{os.getpid()}{UNFINISHED}"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            for root in self._roots:
                _copy_tree(root, _join_below(fresh, root))
            digest = _compute_digest(fresh)
            target = self._directory / digest
            if target.exists() and not self._is_whole(digest):
                shutil.rmtree(target)
            if not target.exists():
                self._compile(fresh)
                fresh.rename(target)
                sync_directory(self._directory)
            self._checked.add(digest)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return digest

    def _compile(self, fresh: Path) -> None:
        """Compiles the copy once, because no pod may write into it. Code with errors stays as it is."""
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        for root in self._roots:
            compileall.compile_dir(_join_below(fresh, root), quiet=2, invalidation_mode=mode)

    def _is_whole(self, digest: str) -> bool:
        """Whether a copy has the content that its name promises; a power cut may have damaged it."""
        if digest not in self._checked and _compute_digest(self._directory / digest) == digest:
            self._checked.add(digest)
        return digest in self._checked and (self._directory / digest).exists()

    def _get_copy(self, digest: str, root: Path) -> Path:
        return _join_below(self._directory / digest, root)

    def _redirect_paths(self, digest: str, value: str) -> str:
        """Returns a list of paths in which those of the code are replaced by those of the copy."""
        return ":".join(self._redirect_path(digest, path) for path in value.split(":"))

    def _redirect_path(self, digest: str, path: str) -> str:
        for root in self._roots:
            if path.startswith("/") and Path(path).is_relative_to(root):
                return str(self._get_copy(digest, root) / Path(path).relative_to(root))
        return path

    def _get_groups_directory(self) -> Path:
        return self._directory / "groups"

    def _get_record_path(self, group: str) -> Path:
        return self._get_groups_directory() / f"{hashlib.sha256(group.encode()).hexdigest()}.json"


def _join_below(directory: Path, root: Path) -> Path:
    """Returns the path of a root in a copy. All roots keep their places relative to each other."""
    return directory / str(root).lstrip("/")


def _copy_tree(source: Path, target: Path) -> None:
    """Copies the files of a directory, and those behind links, each directory once."""
    visited = set[str]()
    for folder, subfolders, names in os.walk(source, followlinks=True):
        subfolders[:] = [] if os.path.realpath(folder) in visited else _skip_left_out(subfolders)
        visited.add(os.path.realpath(folder))
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            with suppress(FileNotFoundError):  # a temporary file of an editor
                if Path(folder, name).is_file():
                    (place / name).write_bytes(Path(folder, name).read_bytes())


def _compute_digest(copy: Path) -> str:
    """Returns the SHA-256 of the names and contents of a copy's files."""
    total = hashlib.sha256()
    for path in sorted(_list_files(copy)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(copy)}\0{content}\n".encode())
    return total.hexdigest()


def _list_files(directory: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(directory):
        subfolders[:] = _skip_left_out(subfolders)
        yield from (Path(folder, name) for name in names)


def _skip_left_out(folders: list[str]) -> list[str]:
    return [name for name in folders if name not in LEFT_OUT]


def _read_digest(record: Path) -> str:
    """Returns the digest in a group's record; "" when the record cannot be read and counts as lost."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        digest = json.loads(record.read_bytes())["digest"]
        if isinstance(digest, str) and len(digest) == 64 and digest.isalnum():
            return digest
    logger.error("the record %s cannot be read: its run continues with the current code", record)
    return ""


def _read_change_time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
