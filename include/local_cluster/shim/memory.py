"""Measures the memory of a container: private and shared pages, without the files that it maps."""

from __future__ import annotations

from pathlib import Path


def list_descendants(pid: int) -> list[int]:
    """Returns the living children of a process, and their children."""
    processes: list[int] = []
    pending = [pid]
    while pending:
        for child in _list_children(pending.pop()):
            processes.append(child)
            pending.append(child)
    return processes


def measure_held_bytes(pids: list[int]) -> int:
    """Returns the sum of anonymous and shared memory; a process that has ended counts as 0."""
    return sum(_measure_held(pid) for pid in pids)


def _list_children(pid: int) -> list[int]:
    try:
        with Path(f"/proc/{pid}/task/{pid}/children").open(encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _measure_held(pid: int) -> int:
    kibibytes = 0
    try:
        with Path(f"/proc/{pid}/status").open(encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(("RssAnon:", "RssShmem:")):
                    kibibytes += int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return kibibytes * 1024
