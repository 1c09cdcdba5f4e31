"""What the machine must have before anything starts. Each lack is one sentence that says what to do."""

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from local_platform.home import CannotStart, Home
from local_platform.platform import LOOPBACK, Platform
from local_platform.ports import is_free
from local_platform.settings import variable

NEEDED_DISK = 2 * 1024**3
"""Bytes that a first demo writes, with room to spare."""


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """Holds the lock of this home. Raises `CannotStart` when another command holds it."""
    with home.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            who = file.read().strip() or "unknown"
            raise CannotStart(
                f"another command works on {home.path} (process {who}): wait until it has ended"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_disk(home: Home) -> None:
    """Raises `CannotStart` when the disk has too little room."""
    free = shutil.disk_usage(home.path).free
    if free < NEEDED_DISK:
        raise CannotStart(
            f"the disk of {home.path} has {free / 1024**3:.1f} GB left and {NEEDED_DISK / 1024**3:.0f} GB are needed: "
            "free some space, or set NIGHTSHIFT_HOME to a folder on another disk"
        )


def check_ports(platform: Platform) -> None:
    """Raises `CannotStart` when two settings name one port, or when somebody else listens on one of them."""
    ports = platform.ports()
    for port, times in Counter(port for port, _ in ports).items():
        if times > 1:
            names = " and ".join(variable(name) for number, name in ports if number == port)
            raise CannotStart(f"{platform.home.settings} gives port {port} to {names}: choose another for one of them")
    for port, name in ports:
        if not all(is_free(port, address) for address in {LOOPBACK, platform.address_of(name)}):
            raise CannotStart(
                f"port {port} is taken{_by(port)}: end that program, or give {variable(name)} another port "
                f"in {platform.home.settings} and try again"
            )


def _by(port: int) -> str:
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
