"""Checks what the machine must have before anything starts. Each refusal is one sentence that says what to do."""

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
from local_platform.one_machine.settings import name_variable

NEEDED_DISK = 2 * 1024**3
"""Bytes of free disk that a start requires: more than a first demo writes."""


@contextmanager
def hold_lock(home: Home) -> Iterator[None]:
    """Holds the lock of this home for the block. Raises `CannotStart` when another command holds it."""
    # `make down` must work on a full disk: only a lock file that does not exist yet needs space.
    with home.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CannotStart(
                f"another command works on {home.path} (process {holder}): wait until it has ended"
            ) from error
        with suppress(OSError):
            file.truncate(0)
            os.write(file.fileno(), str(os.getpid()).encode())
        yield


def check_disk(home: Home) -> None:
    """Raises `CannotStart` when the disk has too little free space."""
    free = shutil.disk_usage(home.path).free
    if free < NEEDED_DISK:
        raise CannotStart(
            f"the disk of {home.path} has {free / 1024**3:.1f} GB left and {NEEDED_DISK / 1024**3:.0f} GB are needed: "
            "free some space, or set NIGHTSHIFT_HOME to a folder on another disk"
        )


def check_ports(platform: Platform) -> None:
    """Raises `CannotStart` when two settings name one port, or when another program listens on one of the ports.

    The message names all such ports, each with its setting.
    """
    ports = platform.list_ports()
    problems = [*_find_doubled_ports(ports), *_find_taken_ports(platform, ports)]
    if problems:
        raise CannotStart(f"{'; '.join(problems)}: give other ports in {platform.home.settings} and try again")


def _find_doubled_ports(ports: list[tuple[int, str]]) -> list[str]:
    """Returns a phrase for every port that more than one setting names."""
    counts = Counter(port for port, _ in ports)
    doubled = {
        port: [name_variable(name) for number, name in ports if number == port] for port in counts if counts[port] > 1
    }
    return [f"port {port} is given to {' and '.join(names)}" for port, names in doubled.items()]


def _find_taken_ports(platform: Platform, ports: list[tuple[int, str]]) -> list[str]:
    """Returns a phrase for every port on which another program listens, with that program if it is known."""
    # A port that two settings name is checked once.
    taken = {
        port: name
        for port, name in ports
        if not all(is_free(port, address) for address in {LOOPBACK, platform.find_address_of(name)})
    }
    holders = _find_listeners() if taken else {}
    return [f"port {port} ({name_variable(name)}) is taken{holders.get(port, '')}" for port, name in taken.items()]


def _find_listeners() -> dict[int, str]:
    """Returns which program listens on which port; the system does not name the processes of other users."""
    listeners: dict[int, str] = {}
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid:
                with suppress(psutil.Error):
                    name = psutil.Process(connection.pid).name()
                    listeners |= {int(port): f" by {name} (process {connection.pid})" for port in connection.laddr[1:]}
    return listeners
