"""Ends the containers of a pod that the server no longer knows, as after the loss of its store."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from local_cluster.pods.run import find_shim, is_locked

KILL_TIMEOUT = 5.0  # seconds within which a killed container must end


def end_containers(directory: Path) -> None:
    """Kills the containers that still run in a pod's directory, and waits until they have ended."""
    runs = list(directory.glob("runs/*/*/"))
    for run in runs:
        if shim := find_shim(run):
            with suppress(ProcessLookupError):
                os.kill(shim, signal.SIGUSR1)
    deadline = time.monotonic() + KILL_TIMEOUT
    while any(is_locked(run) for run in runs) and time.monotonic() < deadline:
        time.sleep(0.05)
