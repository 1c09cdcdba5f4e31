"""The named pipe through which shims report starts and ends, also while the disk is full."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

Message = dict[str, Any]

logger = logging.getLogger(__name__)


class ShimMessages:
    """Passes each message to `accept`: pod, container, attempt, and the message with its `event` and `record`."""

    def __init__(self, path: Path, accept: Callable[[str, str, str, Message], None]) -> None:
        self._path = path
        self._take = accept
        self._pipe = -1
        self._rest = b""

    def open(self) -> None:
        """Makes the pipe, replacing any other file of its name, and listens to it."""
        if self._path.exists() and not stat.S_ISFIFO(self._path.stat().st_mode):
            logger.error("%s is not a pipe: it is replaced", self._path)
            self._path.unlink()
        if not self._path.exists():
            os.mkfifo(self._path, 0o600)
        self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._pipe, self._read)

    def close(self) -> None:
        """Stops listening."""
        if self._pipe >= 0:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1

    def _read(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._pipe, 65536)).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
                pod, container, attempt = message["key"].split("/")
                self._take(pod, container, attempt, message)
            except (ValueError, KeyError, TypeError, AttributeError):
                logger.error("a message of a container cannot be read: its files have the same content")
