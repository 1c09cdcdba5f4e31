"""`python alive.py COMPONENT`: a health check for a container of one Airflow service. Ends a service that has hung.

Docker starts again what ended, and leaves alone what is unhealthy. A scheduler that loses its database ends itself, and
sometimes waits for ever for a worker that waits for work. So what has given no sign of life for long, although
database and API server are well, is killed here, and Docker's restart policy brings it back. On Kubernetes the same is
a liveness probe. Standard library only: it runs every few seconds.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.request import urlopen

REPORT = "http://api-server:8080/api/v2/monitor/health"
HUNG = 90.0
"""Seconds without a sign of life; a service gives one every five."""
STARTING = 300.0
"""Seconds that a service may take to give its first sign of life, on a host that has just started everything."""
LASTING = 30.0
"""Seconds for which it must have hung, check after check: after a sleep of the host or an outage of the database, one
that is well gives its sign within five."""

Health = Literal["alive", "ill", "hung"]


def health(report: Mapping[str, Any], component: str, now: float, running: float) -> Health:
    """How a component is by Airflow's report. `now` in seconds since the epoch, `running` in seconds of its process."""
    found = report.get(component) or {}
    if found.get("status") == "healthy":
        return "alive"
    if (report.get("metadatabase") or {}).get("status") != "healthy" or running < STARTING:
        return "ill"
    beat = found.get(f"latest_{component}_heartbeat")
    return "hung" if beat is None or now - datetime.fromisoformat(beat).timestamp() > HUNG else "ill"


def lasts(found: Health, now: float, mark: Path) -> bool:
    """Whether it has hung in each check of the last `LASTING` seconds; `mark` is where the first one is remembered."""
    if found != "hung":
        mark.unlink(missing_ok=True)
        return False
    try:
        since = float(mark.read_text())
    except (FileNotFoundError, ValueError):  # the first check, or one that a full disk did not let write it
        mark.write_text(str(now))
        since = now
    return now - since >= LASTING


def main(arguments: Sequence[str]) -> int:
    """Returns 0 when the component lives, else 1; of one that has hung it kills every process first."""
    mark = Path(tempfile.gettempdir(), "hung-since")
    try:
        with urlopen(os.environ.get("NIGHTSHIFT_HEALTH_REPORT", REPORT), timeout=8) as reply:  # noqa: S310 - our own
            report = json.loads(reply.read())
    except (OSError, ValueError):
        mark.unlink(missing_ok=True)
        return 1
    found = health(report, arguments[0], time.time(), _running())
    if lasts(found, time.time(), mark):
        mark.unlink()
        with suppress(OSError):
            Path("/proc/1/fd/2").write_text(f"{arguments[0]} gives no sign of life: it is started again\n")
        os.kill(-1, signal.SIGKILL)
    return 0 if found == "alive" else 1


def _running() -> float:
    """Seconds since the container's first process started."""
    since_boot = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
