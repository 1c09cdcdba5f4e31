"""Defines a service: a command, its environment, and the function that tells whether it is ready."""

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

CLEANUP_SECONDS = 5
"""Seconds beyond a service's grace period that its process guard may take to end what the service left behind."""


def _prepare_nothing() -> None:
    """Most services need no files."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One program that runs until it is stopped.

    `ready`: whether it is ready; must not raise. Its argument is the time of the start (seconds since the epoch; 0: it
    runs already), so that a heartbeat of an earlier process does not count. `serves`: the same without writing,
    for `make status`; needed only where `ready` writes. `prepare`: writes the files that it starts with.
    `start_timeout`: seconds within which it must be ready. `grace`: seconds between SIGTERM and SIGKILL.
    `watch`: the URL of Airflow's health report and the component's name in it; a component that hangs is killed.
    `adopts`: its next process takes over what a killed one left running in other sessions.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    ready: Callable[[float], bool]
    serves: Callable[[], bool] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    start_timeout: float = 60.0
    grace: float = 10.0
    prepare: Callable[[], None] = _prepare_nothing
    watch: tuple[str, str] | None = None
    adopts: bool = False

    @property
    def guarded_command(self) -> tuple[str, ...]:
        """The command under its process guard, which ends every process that the command starts."""
        options = [*(["--spare"] if self.adopts else []), *(["--watch", *self.watch] if self.watch else [])]
        return (
            sys.executable,
            "-m",
            "local_platform.services.process_guard",
            *options,
            str(int(self.grace)),
            *self.command,
        )

    def build_environment(self) -> dict[str, str]:
        """Returns the whole environment of the process: `build_plain_environment` and its own variables."""
        return {**build_plain_environment(self.directory), **self.environment}


def read_user_name() -> str:
    """Returns the name of the user, or `uid-NUMBER` when the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def build_plain_environment(directory: Path) -> dict[str, str]:
    """Returns the variables that every process gets: none of the user's settings, secrets and proxies."""
    # Airflow asks who runs it, and fails where the system has no name for that user.
    names = {"USER": read_user_name(), "LOGNAME": read_user_name()}
    return {"PATH": PROGRAMS, "HOME": str(directory), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", **names}


def fetch(url: str, timeout: float = 5.0) -> bytes | None:
    """Returns the body of a 2xx reply to an HTTP GET of `url`, or None when there is none within `timeout` seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply:  # noqa: S310 - our own http:// addresses
            return bytes(reply.read())
    except (OSError, HTTPException):
        return None


def is_answering(url: str) -> bool:
    """Whether an HTTP GET of `url` gives a 2xx reply."""
    return fetch(url) is not None


def wait_until_ready(service: Service, is_alive: Callable[[], bool], log: str, since: float) -> None:
    """Returns once the service that was started at `since` is ready.

    Raises `NotReady` when it ended or took longer than its `start_timeout`; `log` is named in the message.
    """
    deadline = time.monotonic() + service.start_timeout
    while not service.ready(since):
        if not is_alive():
            raise NotReady(f"{service.name} ended while it started: see {log}")
        if time.monotonic() > deadline:
            raise NotReady(f"{service.name} did not answer within {service.start_timeout:.0f} s: see {log}")
        time.sleep(0.05)


@contextmanager
def run_service(service: Service, log: Path) -> Iterator[None]:
    """Runs a service for the length of a `with` block, with its output in `log`. It never outlives this process."""
    service.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    service.prepare()
    started = time.time()
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            service.guarded_command,
            cwd=service.directory,
            env=service.build_environment(),
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
        process.wait(grace + CLEANUP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
