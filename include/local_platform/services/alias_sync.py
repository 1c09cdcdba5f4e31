"""Defines the service that brings MLflow's alias `champion` to where each ledger ends, between nights.

It runs with the rights of the steps: Airflow has no right to MLflow, and only reads object storage.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from local_platform.services.service import BIN, Service

PERIOD = 300
"""Seconds between two syncs: half of the ten minutes that are promised, so that one may fail."""
LATE = 3 * PERIOD
"""Seconds without a sync after which the service is not ready any more."""


def define_service(home: Path, environment: Mapping[str, str]) -> Service:
    """Returns the service. `environment`: that of the steps. Ready once it has tried to sync every model."""
    heartbeat = home / "synced"
    return Service(
        name="alias-sync",
        command=(str(BIN / "nightshift"), "sync-alias", "--every", str(PERIOD), "--answers", str(heartbeat)),
        directory=home,
        environment=environment,
        ready=lambda since: _is_fresh(heartbeat, since),
        start_timeout=180,
        grace=2,
    )


def _is_fresh(heartbeat: Path, since: float) -> bool:
    """Whether the file was written after the service started, and not long ago."""
    with suppress(OSError):
        written = heartbeat.stat().st_mtime
        return written >= since and time.time() - written < LATE
    return False
