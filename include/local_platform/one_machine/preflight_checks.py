"""What the machine must have before anything starts. Each lack is one sentence that says what to do."""

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from local_platform.errors import CannotStart
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import LOOPBACK, Platform
from local_platform.one_machine.ports import is_free
from local_platform.one_machine.settings import variable

NEEDED_DISK = 2 * 1024**3
"""Bytes that a first demo writes, with room to spare."""


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """Holds the lock of this home. Raises `CannotStart` when another command holds it."""
    # `down` must do on a full disk: only a lock that is not there yet needs room.
    with home.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            who = file.read().strip() or "unknown"
            raise CannotStart(
                f"another command works on {home.path} (process {who}): wait until it has ended"
            ) from error
        with suppress(OSError):
            file.truncate(0)
            os.write(file.fileno(), str(os.getpid()).encode())
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
    """Raises `CannotStart` when two settings name one port, or when somebody else listens on one of them.

    All of them are named at once, each with its setting.
    """
    ports = platform.ports()
    wrong = [*_named_twice(ports), *_taken(platform, ports)]
    if wrong:
        raise CannotStart(f"{'; '.join(wrong)}: give other ports in {platform.home.settings} and try again")


def _named_twice(ports: list[tuple[int, str]]) -> list[str]:
    """Every port that more than one setting names."""
    counts = Counter(port for port, _ in ports)
    doubled = {
        port: [variable(name) for number, name in ports if number == port] for port in counts if counts[port] > 1
    }
    return [f"port {port} is given to {' and '.join(names)}" for port, names in doubled.items()]


def _taken(platform: Platform, ports: list[tuple[int, str]]) -> list[str]:
    """Every port on which somebody else listens, with who that is if it is known."""
    # A port that two settings name is asked about once.
    taken = {
        port: name
        for port, name in ports
        if not all(is_free(port, address) for address in {LOOPBACK, platform.address_of(name)})
    }
    holders = _listeners() if taken else {}
    return [f"port {port} ({variable(name)}) is taken{holders.get(port, '')}" for port, name in taken.items()]


def _listeners() -> dict[int, str]:
    """Who listens on which port; without those of other users, whose processes the system does not name."""
    found: dict[int, str] = {}
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid:
                with suppress(psutil.Error):
                    name = psutil.Process(connection.pid).name()
                    found |= {int(port): f" by {name} (process {connection.pid})" for port in connection.laddr[1:]}
    return found
