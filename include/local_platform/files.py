"""Reads and writes files of state. A write is atomic; a damaged file counts as missing.

A full disk or a power cut leaves the old text or the new one. A file that is damaged all the same (empty, or not text)
is renamed, reported, and counts as lost.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT}
"""The numbers of the errors of a disk that takes no more."""


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes a file atomically, with `mode` (default: only this user can read it).

    The new text is on the disk when this returns. Raises `OSError`, and then the old file is unchanged.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a new name in a folder durable, where the file system supports that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_text(path: Path) -> str | None:
    """Returns the text of a file, or None when the file is missing, empty, or not text."""
    try:
        text = path.read_text()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return text if text.strip() and "\0" not in text else None


def set_aside(path: Path) -> Path:
    """Renames a damaged file to `NAME.unreadable`; returns the new path."""
    return path.replace(path.with_name(f"{path.name}.unreadable"))


def is_full(error: OSError) -> bool:
    """Whether this error says that a disk is full."""
    return error.errno in FULL
