"""`python health_check.py COMPONENT`: a health check for the container of one Airflow service; kills a hung service.

Docker restarts a container that ended, and leaves an unhealthy one alone. A scheduler that loses its database ends
itself, but sometimes waits for ever for a worker that waits for work. So a service without a heartbeat for long,
although database and API server are healthy, is killed here, and Docker's restart policy starts it again. On Kubernetes
a liveness probe does the same. Standard library only: it runs every few seconds.
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
HUNG_AFTER = 90.0
"""Seconds without a heartbeat; a service has one every five."""
START_TAKES = 300.0
"""Seconds that a service may take until its first heartbeat, on a host that has just started everything."""
KILLED_AFTER = 30.0
"""Seconds for which every check must find it hung. After a sleep of the host or an outage of the database, a healthy
service has its next heartbeat within five."""

Health = Literal["healthy", "unhealthy", "hung"]


def judge_health(report: Mapping[str, Any], component: str, now: float, uptime: float) -> Health:
    """Returns how a component is by Airflow's report: `now` in seconds since the epoch, `uptime` of its process."""
    status = report.get(component) or {}
    if status.get("status") == "healthy":
        return "healthy"
    if (report.get("metadatabase") or {}).get("status") != "healthy" or uptime < START_TAKES:
        return "unhealthy"
    heartbeat = status.get(f"latest_{component}_heartbeat")
    is_hung = heartbeat is None or now - datetime.fromisoformat(heartbeat).timestamp() > HUNG_AFTER
    return "hung" if is_hung else "unhealthy"


def has_hung_long(health: Health, now: float, mark: Path) -> bool:
    """Returns whether every check of the last `KILLED_AFTER` seconds found it hung; `mark` has the first one's time."""
    if health != "hung":
        mark.unlink(missing_ok=True)
        return False
    try:
        since = float(mark.read_text())
    except (FileNotFoundError, ValueError):  # the first check, or one that could not write it on a full disk
        mark.write_text(str(now))
        since = now
    return now - since >= KILLED_AFTER


def main(arguments: Sequence[str]) -> int:
    """Returns 0 if the component is healthy, else 1; kills every process of one that has hung for long."""
    mark = Path(tempfile.gettempdir(), "hung-since")
    try:
        with urlopen(os.environ.get("NIGHTSHIFT_HEALTH_REPORT", REPORT), timeout=8) as reply:  # noqa: S310 - our own
            report = json.loads(reply.read())
    except (OSError, ValueError):
        mark.unlink(missing_ok=True)
        return 1
    health = judge_health(report, arguments[0], time.time(), _read_uptime())
    if has_hung_long(health, time.time(), mark):
        mark.unlink()
        with suppress(OSError):
            Path("/proc/1/fd/2").write_text(f"{arguments[0]} has no heartbeat: it is restarted\n")
        os.kill(-1, signal.SIGKILL)
    return 0 if health == "healthy" else 1


def _read_uptime() -> float:
    """Returns the seconds since the container's first process started."""
    since_boot = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
