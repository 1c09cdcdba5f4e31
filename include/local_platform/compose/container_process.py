"""Runs one service in a container and touches the file whose age the container's health check reads."""

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
"""Touched whenever the service was ready: the health check only reads its age, which is cheap."""
STARTING = 0.2
"""Seconds between two checks until the service is ready for the first time."""
WATCHING = 5.0
"""Seconds between two checks afterwards."""


def run_in_container(service: Service, prepare: Callable[[], None] = lambda: None) -> int:
    """Runs the service until it ends, and returns its exit code. `prepare` is called once it is ready.

    Its output is this container's. SIGTERM ends it within its grace period.
    """
    service.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    service.prepare()
    READY.unlink(missing_ok=True)
    environment = {**service.build_environment(), **_find_sources()}
    process = subprocess.Popen(service.guarded_command, cwd=service.directory, env=environment)  # noqa: S603 - our own command
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.terminate())
    _watch_service(service, process, prepare)
    return process.wait()


def _find_sources() -> dict[str, str]:
    """Returns the variable that names the folder of this code: in an image it is not an installed package."""
    return {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}


def _watch_service(service: Service, process: "subprocess.Popen[bytes]", prepare: Callable[[], None]) -> None:
    """Checks the service until it ends."""
    prepared = False
    while process.poll() is None:
        if service.ready(0):
            prepared = prepared or _try_to_prepare(service, prepare)
            if prepared:
                READY.touch()
        if not prepared:
            time.sleep(STARTING)
            continue
        try:
            process.wait(WATCHING)
        except subprocess.TimeoutExpired:
            continue


def _try_to_prepare(service: Service, prepare: Callable[[], None]) -> bool:
    try:
        prepare()
    except (OSError, urllib.error.URLError) as error:
        sys.stderr.write(f"{service.name} is ready, but could not be prepared; trying again: {error}\n")
        return False
    return True
