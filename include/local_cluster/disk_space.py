"""Waits at the start while the disk is full: the supervisor would give up a server that ended."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from local_cluster.files import UNFINISHED, is_full, write_durably

NEEDED = 256 * 1024  # bytes that a start writes at most
INTERVAL = 2.0  # seconds between two checks

logger = logging.getLogger(__name__)


async def wait_for_space(directory: Path) -> None:
    """Returns once `directory` takes new files. Raises OSError for anything but a full disk."""
    is_logged = False
    while not has_space(directory):
        if not is_logged:
            logger.error("disk full: %s takes no files; the start continues once there is space", directory)
            is_logged = True
        await asyncio.sleep(INTERVAL)
    if is_logged:
        logger.info("%s takes files again", directory)


def has_space(directory: Path) -> bool:
    """Whether a few blocks can be written. Raises OSError for anything but a full disk."""
    trial = directory / f".space{UNFINISHED}"
    try:
        write_durably(trial, bytes(NEEDED))
    except OSError as error:
        if is_full(error):
            return False
        raise
    finally:
        trial.unlink(missing_ok=True)
    return True
