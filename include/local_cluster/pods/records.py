"""Reads the records that a shim wrote about a container. A record that cannot be read counts as lost."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from local_cluster import clock
from local_cluster.shim.logfile import format_timestamp

Record = dict[str, Any]
GONE = "The container could not be located: its processes ended without a record, as after a restart of the machine"
UNREADABLE = "How the container ended is not known: its record cannot be read, as on a damaged disk"

logger = logging.getLogger(__name__)


def read_start(path: Path) -> Record | None:
    """Returns the record of a container's start; None when it has not started."""
    record = _read(path, {"startedAt": _is_moment})
    if record is None or record:
        return record
    return {"startedAt": format_timestamp(time.time_ns())}


def read_end(path: Path) -> Record | None:
    """Returns the record of a container's end; None when it has not ended, or its end was not recorded."""
    checks = {
        "exitCode": lambda value: isinstance(value, int),
        "finishedAt": _is_moment,
        "failure": lambda value: isinstance(value, str),
        "outOfMemory": lambda value: isinstance(value, bool),
    }
    record = _read(path, checks)
    if record is None or record:
        return record
    return make_lost_end(UNREADABLE)


def make_lost_end(why: str) -> Record:
    """Returns a record for a container whose end was not recorded."""
    moment = format_timestamp(time.time_ns())
    return {"exitCode": 137, "finishedAt": moment, "failure": "", "outOfMemory": False, "lost": why}


def _read(path: Path, checks: dict[str, Any]) -> Record | None:
    """Returns a record whose fields pass the checks; empty when it cannot be read, None when it is missing."""
    try:
        record = json.loads(path.read_bytes())
        if all(is_right(record[field]) for field, is_right in checks.items()):
            return dict(record)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    logger.error("the record %s cannot be read: it counts as lost", path)
    return {}


def _is_moment(value: Any) -> bool:
    clock.parse(value)
    return True
