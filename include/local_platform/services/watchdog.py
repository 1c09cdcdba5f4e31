"""Kills an Airflow service that hangs, so that the supervisor starts it again.

A scheduler that lost its database ends itself, but first waits for ever for the task that runs. It is alive, sends no
heartbeat and does nothing. A service that is only busy uses the processor and is left alone. So is one that cannot work
because the disk is full: the next one could not either. Standard library only: it runs inside a process guard.
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
"""Seconds between two checks."""
HUNG = 70.0
"""Seconds without a heartbeat: a service sends one every five, and waits for the database for at most 60."""
LASTING = 20.0
"""Seconds for which it must then do nothing. After a sleep of the machine, a healthy one sends a heartbeat in five."""
BUSY = 0.1
"""The share of one processor above which a service counts as busy."""
HUNG_BUSY = 300.0
"""Seconds without a heartbeat after which a busy service counts as hung too."""
STARTING = 300.0
"""Seconds that a service may take to send its first heartbeat."""
NEEDED = 16 * 1024**2
"""Free bytes below which a disk counts as full."""


def measure_silence(report: Mapping[str, Any] | None, component: str, started: float, now: float) -> float:
    """Returns the seconds since the last heartbeat in Airflow's report; 0 if it is unknown. Times since the epoch."""
    if report is None or (report.get("metadatabase") or {}).get("status") != "healthy":
        return 0
    component_report = report.get(component) or {}
    if component_report.get("status") == "healthy":
        return 0
    heartbeat = component_report.get(f"latest_{component}_heartbeat")
    last = datetime.fromisoformat(heartbeat).timestamp() if heartbeat else 0
    # A heartbeat of an earlier process does not count for this one.
    return now - last if last >= started else max(0.0, now - started - STARTING + HUNG)


@dataclass
class Watchdog:
    """Decides whether one service hangs, from what it measured at earlier checks."""

    component: str
    started: float
    _since: float | None = None
    _used: float = 0.0

    def has_hung(self, report: Mapping[str, Any] | None, now: float, used: float, free: int) -> bool:
        """Whether it hangs. `now`: seconds since the epoch; `used`: seconds of processor; `free`: bytes of its disk."""
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
    """Watches a process in the background and kills it once it hangs."""
    threading.Thread(target=_watch, args=(process, url, component), daemon=True).start()


def _watch(process: int, url: str, component: str) -> None:
    watchdog = Watchdog(component, time.time())
    while True:
        time.sleep(EVERY)
        with suppress(OSError, ValueError):  # the report or the process cannot be read now: the next check may succeed
            free = shutil.disk_usage(Path.cwd()).free
            if watchdog.has_hung(_fetch(url), time.time(), _read_seconds_used(process), free):
                sys.stdout.write(f"{component} sends no heartbeat: it is killed and started again\n")
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


def _read_seconds_used(process: int) -> float:
    """Returns the seconds of processor that a process itself has used."""
    fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
