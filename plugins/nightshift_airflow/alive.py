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
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.request import urlopen

REPORT = "http://api-server:8080/api/v2/monitor/health"
HUNG = 90.0
"""Seconds without a sign of life; a service gives one every five."""

Health = Literal["alive", "ill", "hung"]


def health(report: Mapping[str, Any], component: str, now: float, started: float) -> Health:
    """How a component is by Airflow's report. `now` and `started` (of this container) in seconds since the epoch."""
    found = report.get(component) or {}
    if found.get("status") == "healthy":
        return "alive"
    if (report.get("metadatabase") or {}).get("status") != "healthy" or now - started < HUNG:
        return "ill"
    beat = found.get(f"latest_{component}_heartbeat")
    return "hung" if beat is None or now - datetime.fromisoformat(beat).timestamp() > HUNG else "ill"


def main(arguments: Sequence[str]) -> int:
    """Returns 0 when the component lives, else 1; of one that has hung it kills every process first."""
    try:
        with urlopen(os.environ.get("NIGHTSHIFT_HEALTH_REPORT", REPORT), timeout=8) as reply:  # noqa: S310 - our own
            report = json.loads(reply.read())
    except (OSError, ValueError):
        return 1
    found = health(report, arguments[0], time.time(), Path("/proc/1").stat().st_ctime)
    if found == "hung":
        Path("/proc/1/fd/2").write_text(f"{arguments[0]} gave no sign of life for {HUNG:.0f} s: it is started again\n")
        os.kill(-1, signal.SIGKILL)
    return 0 if found == "alive" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
