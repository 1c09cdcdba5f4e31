"""Makes sure that only one server uses a state directory."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from local_cluster.pods.settings import LOCK_NAME

ATTEMPTS = 10  # a shim that checks for a running server holds the lock for a moment
ATTEMPT_SECONDS = 0.05


def take_lock(directory: Path) -> int:
    """Locks the state directory for the life of this process. Raises RuntimeError when another server holds it."""
    handle = os.open(directory / LOCK_NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    for _ in range(ATTEMPTS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(ATTEMPT_SECONDS)
        else:
            return handle
    os.close(handle)
    raise RuntimeError(f"another server uses {directory}: end it, or give this one another --state directory")
