"""Which processes of this machine belong to a platform: those that carry its mark in their environment.

The mark is the path of the home. A process keeps the environment it was started with, and its children inherit it, so
that this finds what a killed supervisor left behind, and nothing else.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "NIGHTSHIFT_LOCAL_HOME"


def ours(home: Path) -> list[psutil.Process]:
    """Every running process that was started for this home, but not this one."""
    return [process for process in _started_for(home) if process.pid != os.getpid()]


def is_of(process: int, home: Path) -> bool:
    """Whether a process was started for this home."""
    with suppress(OSError):
        return f"{MARK}={home}".encode() in Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    return False


def _started_for(home: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if is_of(process.pid, home) and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def end(home: Path, patience: float = 5.0) -> int:
    """Ends what is left of this home: SIGTERM, then SIGKILL after `patience` seconds. Returns how many there were."""
    found = ours(home)
    for process in found:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(found, timeout=patience)
    deadline = time.monotonic() + 10
    while (left := ours(home)) and time.monotonic() < deadline:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1)
    return len(found)
