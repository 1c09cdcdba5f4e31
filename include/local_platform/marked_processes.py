"""Finds and ends the processes of one platform by a mark in their environment.

The mark is a variable with the path of the home. A process keeps the environment it was started with, and its children
inherit it. So this finds what a killed supervisor left behind, and nothing else.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "NIGHTSHIFT_LOCAL_HOME"


def find_processes_of(home: Path) -> list[psutil.Process]:
    """Returns every running process that was started for this home, except this one."""
    return [process for process in _list_processes_of(home) if process.pid != os.getpid()]


def is_process_of(process: int, home: Path) -> bool:
    """Whether a process was started for this home."""
    with suppress(OSError):
        return f"{MARK}={home}".encode() in Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    return False


def _list_processes_of(home: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if is_process_of(process.pid, home) and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def end_processes_of(home: Path, timeout: float = 5.0) -> int:
    """Ends every process of this home: SIGTERM, then SIGKILL after `timeout` seconds. Returns how many there were."""
    processes = find_processes_of(home)
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(processes, timeout=timeout)
    deadline = time.monotonic() + 10
    while (remaining := find_processes_of(home)) and time.monotonic() < deadline:
        for process in remaining:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(remaining, timeout=1)
    return len(processes)
