"""Kills an Airflow service that has hung, so that the supervisor starts it again.

A scheduler that lost its database ends itself, and on its way waits for ever for the task that runs. It is alive, does
nothing and says nothing. What is only busy is left alone: it uses the processor. So is one that cannot work because the
disk is full, for the next one could not either. Standard library only: it runs inside a guard.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

EVERY = 5.0
"""Seconds between two looks."""
HUNG = 70.0
"""Seconds without a sign of life: a service gives one every five, and waits for the database for at most 60."""
LASTING = 20.0
"""Seconds for which it must then do nothing. One that is well gives a sign within five after a sleep of the machine."""
BUSY = 0.1
"""The share of one processor above which it is doing something."""
HUNG_BUSY = 300.0
"""Seconds without a sign of life after which doing something does not count any more."""
STARTING = 300.0
"""Seconds that a service may take to give its first sign of life."""
NEEDED = 16 * 1024**2
"""Free bytes below which a disk counts as full."""


def measure_silence(report: Mapping[str, Any] | None, component: str, started: float, now: float) -> float:
    """Seconds since the last sign of life by Airflow's report; 0 where that cannot be told. Times since the epoch."""
    if report is None or (report.get("metadatabase") or {}).get("status") != "healthy":
        return 0
    found = report.get(component) or {}
    if found.get("status") == "healthy":
        return 0
    beat = found.get(f"latest_{component}_heartbeat")
    last = datetime.fromisoformat(beat).timestamp() if beat else 0
    # The sign of an earlier process says nothing about this one.
    return now - last if last >= started else max(0.0, now - started - STARTING + HUNG)


@dataclass
class Watchdog:
    """What is remembered of one service between two looks."""

    component: str
    started: float
    _since: float | None = None
    _used: float = 0.0

    def has_hung(self, report: Mapping[str, Any] | None, now: float, used: float, free: int) -> bool:
        """Whether it has hung. `now` since the epoch, `used` in seconds of processor, `free` in bytes of its disk."""
        silence = measure_silence(report, self.component, self.started, now)
        if silence < HUNG or free < NEEDED:
            self._since = None
            return False
        if self._since is None:
            self._since, self._used = now, used
        lasting = now - self._since
        if lasting < LASTING:
            return False
        busy = used - self._used > BUSY * lasting
        self._since, self._used = now, used
        return not busy or silence > HUNG_BUSY


def watch(process: int, url: str, component: str) -> None:
    """Watches a process in the background, and kills it once it has hung."""
    threading.Thread(target=_watch, args=(process, url, component), daemon=True).start()


def _watch(process: int, url: str, component: str) -> None:
    watchdog = Watchdog(component, time.time())
    while True:
        time.sleep(EVERY)
        with suppress(OSError, ValueError):  # the report or the process cannot be read now: the next look may
            free = shutil.disk_usage(Path.cwd()).free
            if watchdog.has_hung(_fetch(url), time.time(), _seconds_used(process), free):
                sys.stdout.write(f"{component} gives no sign of life: it is killed and started again\n")
                sys.stdout.flush()
                os.kill(process, signal.SIGKILL)
                return


def _fetch(url: str) -> Mapping[str, Any] | None:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=8) as reply:
            report = json.loads(reply.read())
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) else None


def _seconds_used(process: int) -> float:
    """Seconds of processor that a process itself has used."""
    fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
