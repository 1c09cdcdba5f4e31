"""What a service is: a command, its environment, and the question that tells whether it serves."""

import getpass
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from local_platform.errors import NotReady

BIN = Path(sys.executable).parent
PROGRAMS = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SPARE = 5
"""Seconds that a guard may take beyond its service's grace, to end what the service left behind."""


def _nothing() -> None:
    """Most services need no files."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One program that runs until it is ended.

    `ready` asks it whether it serves, and must not raise; it is given the time of the start (seconds since the epoch;
    0: it runs already), so that a sign of life of an earlier process does not count. `serves` is asked in its place
    where one only looks, if `ready` writes. `patience` is how many seconds it may take to say yes, `grace` how many it
    has to end by itself.

    `prepare` writes the files that it starts with; to describe or to ask a service writes nothing. `watch` is the
    address of Airflow's health report and the name of the component in it, by which one that has hung is killed.
    `adopts`: its next process takes over what one that was killed has left in sessions of its own.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    ready: Callable[[float], bool]
    serves: Callable[[], bool] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: float = 60.0
    grace: float = 10.0
    prepare: Callable[[], None] = _nothing
    watch: tuple[str, str] | None = None
    adopts: bool = False

    @property
    def guarded(self) -> tuple[str, ...]:
        """The command under its guard, which ends whatever comes of it."""
        options = [*(["--spare"] if self.adopts else []), *(["--watch", *self.watch] if self.watch else [])]
        return (
            sys.executable,
            "-m",
            "local_platform.services.process_guard",
            *options,
            str(int(self.grace)),
            *self.command,
        )

    def full_environment(self) -> dict[str, str]:
        """The whole environment of the process: see `plain_environment`, and its own."""
        return {**plain_environment(self.directory), **self.environment}


def user() -> str:
    """The name of the user; one without an entry in the system's list is named after its number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def plain_environment(directory: Path) -> dict[str, str]:
    """What every process gets, whichever shell starts it: nothing of the user's settings, secrets and proxies."""
    # Airflow asks who runs it, and fails where the system has no name for that user.
    names = {"USER": user(), "LOGNAME": user()}
    return {"PATH": PROGRAMS, "HOME": str(directory), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", **names}


def fetch(url: str, timeout: float = 5.0) -> bytes | None:
    """The body of a 2xx reply to an HTTP GET of `url`, or None when there is none within `timeout` seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply:  # noqa: S310 - our own http:// addresses
            return bytes(reply.read())
    except (OSError, HTTPException):
        return None


def answers(url: str) -> bool:
    """Whether an HTTP GET of `url` gives a 2xx reply."""
    return fetch(url) is not None


def wait_until_ready(service: Service, alive: Callable[[], bool], where: str, since: float) -> None:
    """Returns once the service that was started at `since` answers.

    Raises `NotReady` when it ended or took longer than its patience; `where` is its log.
    """
    deadline = time.monotonic() + service.patience
    while not service.ready(since):
        if not alive():
            raise NotReady(f"{service.name} ended while it started: see {where}")
        if time.monotonic() > deadline:
            raise NotReady(f"{service.name} did not answer within {service.patience:.0f} s: see {where}")
        time.sleep(0.05)


@contextmanager
def running(service: Service, log: Path) -> Iterator[None]:
    """Runs a service for the length of a `with` block, its output in `log`; it ends with this process at the latest."""
    service.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    service.prepare()
    started = time.time()
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
        wait_until_ready(service, lambda: process.poll() is None, str(log), started)
        yield
    finally:
        _end(process, service.grace)


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    process.terminate()
    try:
        process.wait(grace + SPARE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
