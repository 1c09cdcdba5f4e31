"""The service that brings MLflow's alias `champion` to where each ledger ends, between nights.

It runs with what the steps have: Airflow has no right to MLflow, and only reads object storage.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from local_platform.service import BIN, Service

EVERY = 300
"""Seconds between two syncs: half of the ten minutes that are promised, so that one may fail."""
LATE = 3 * EVERY
"""Seconds after which a service that has not synced does not answer any more."""


def service(home: Path, environment: Mapping[str, str]) -> Service:
    """The service. `environment`: what the steps have. It answers once it has synced every model, or tried to."""
    sign = home / "synced"
    return Service(
        name="alias-sync",
        command=(str(BIN / "nightshift"), "sync-alias", "--every", str(EVERY), "--answers", str(sign)),
        directory=home,
        environment=environment,
        ready=lambda since: _is_fresh(sign, since),
        patience=180,
        grace=2,
    )


def _is_fresh(sign: Path, since: float) -> bool:
    """Whether the sign was made after the service started, and not long ago."""
    with suppress(OSError):
        made = sign.stat().st_mtime
        return made >= since and time.time() - made < LATE
    return False
