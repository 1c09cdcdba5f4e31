"""Files of state: written whole or not at all, and read as lost where they are damaged.

A full disk or a power cut must leave the old text or the new one. What is damaged all the same (an empty file, bytes
that are no text) is put aside under another name, said, and counts as lost.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT}
"""The numbers of the errors of a disk that takes no more."""


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes a file that only this user can read, or whom `mode` says; a reader sees the old text or the new.

    The new text is on the disk when this returns. Raises `OSError`, and then the old file is as it was.
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
    """Makes a new name in a folder last, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_text(path: Path) -> str | None:
    """The text of a file; None where there is none: it is missing, empty, or not text."""
    try:
        text = path.read_text()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return text if text.strip() and "\0" not in text else None


def set_aside(path: Path) -> Path:
    """Gives a damaged file another name beside its own, and returns it."""
    return path.replace(path.with_name(f"{path.name}.unreadable"))


def is_full(error: OSError) -> bool:
    """Whether this error says that a disk is full."""
    return error.errno in FULL
