"""What a service is: a command, its environment, and the question that tells whether it serves."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME")
"""What a service takes over from the shell that starts it; the rest of its environment is its own."""


class NotReady(Exception):
    """A service did not answer in time, or ended. The message is one sentence that says where to look."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One program that runs until it is ended.

    `ready` asks it whether it serves, and must not raise; `patience` is how many seconds it may take to say yes.
    `grace` is how many seconds it has to end by itself.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: float = 60.0
    grace: float = 10.0

    @property
    def guarded(self) -> tuple[str, ...]:
        """The command under its guard, which ends whatever comes of it."""
        return (sys.executable, "-m", "local_platform.guard", *self.command)

    def full_environment(self) -> dict[str, str]:
        """The whole environment of the process: little of the shell's, and its own."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        path = f"{BIN}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        return {**inherited, "PATH": path, "PYTHONUNBUFFERED": "1", **self.environment}


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether an HTTP GET of `url` gives a 2xx reply within `timeout` seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply:  # noqa: S310 - our own http:// addresses
            return bool(200 <= reply.status < 300)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def wait_until_ready(service: Service, alive: Callable[[], bool], where: str) -> None:
    """Returns once the service answers. Raises `NotReady` when it ended or took longer than its patience."""
    deadline = time.monotonic() + service.patience
    while not service.ready():
        if not alive():
            raise NotReady(f"{service.name} ended while it started: see {where}")
        if time.monotonic() > deadline:
            raise NotReady(f"{service.name} did not answer within {service.patience:.0f} s: see {where}")
        time.sleep(0.05)


@contextmanager
def running(service: Service, log: Path) -> Iterator[None]:
    """Runs a service for the length of a `with` block, its output in `log`; it ends with this process at the latest."""
    service.directory.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            service.guarded,
            cwd=service.directory,
            env=service.full_environment(),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        wait_until_ready(service, lambda: process.poll() is None, str(log))
        yield
    finally:
        _end(process, service.grace)


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    process.terminate()
    try:
        process.wait(grace + 5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
