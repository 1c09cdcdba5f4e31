"""One service in one container: its process, its end, and the sign of life that the health check looks for."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path

from local_platform.services.service import Service

READY = Path("/tmp/ready")  # noqa: S108 - the container's own
"""Touched whenever the service has just answered: a health check costs nothing more than to look at its age."""
STARTING = 0.2
"""Seconds between two questions until the first answer."""
WATCHING = 5.0
"""Seconds between two questions afterwards."""


def run(service: Service, prepare: Callable[[], None] = lambda: None) -> int:
    """Runs the service until it ends, and returns its exit code. `prepare` is called once it answers.

    Its output is this container's. SIGTERM ends it with the grace it was given.
    """
    service.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    service.prepare()
    READY.unlink(missing_ok=True)
    environment = {**service.full_environment(), **_sources()}
    process = subprocess.Popen(service.guarded, cwd=service.directory, env=environment)  # noqa: S603 - our own command
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.terminate())
    _watch(service, process, prepare)
    return process.wait()


def _sources() -> dict[str, str]:
    """Where this code is: in an image that is no installed package."""
    return {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}


def _watch(service: Service, process: "subprocess.Popen[bytes]", prepare: Callable[[], None]) -> None:
    """Asks the service how it is until it ends."""
    prepared = False
    while process.poll() is None:
        if service.ready(0):
            prepared = prepared or _prepared(service, prepare)
            if prepared:
                READY.touch()
        if not prepared:
            time.sleep(STARTING)
            continue
        try:
            process.wait(WATCHING)
        except subprocess.TimeoutExpired:
            continue


def _prepared(service: Service, prepare: Callable[[], None]) -> bool:
    try:
        prepare()
    except (OSError, urllib.error.URLError) as error:
        sys.stderr.write(f"{service.name} answers, but could not be prepared; trying again: {error}\n")
        return False
    return True
