"""Writes files atomically and durably: a full disk or a power cut leaves the old file or the new one.

Standard library only: shims use it, and their start is a part of each pod's start.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

UNFINISHED = ".unfinished"
FULL = (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces a file that only its owner can read; a reader sees the old bytes or the new ones.

    Raises OSError, such as on a full disk, and then the old file is unchanged.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        write_durably(fresh, data)
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise
    sync_directory(path.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Writes a private file and waits until the disk has it. Raises OSError."""
    # A file of this name that a crash left is overwritten: in a container each start has the same process id.
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished(directory: Path, name: str = "*") -> None:
    """Removes the unfinished files that a crash left while `write_atomically` ran."""
    for path in directory.glob(f".{name}{UNFINISHED}"):
        with suppress(OSError):
            path.unlink()


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk, or the user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in FULL
