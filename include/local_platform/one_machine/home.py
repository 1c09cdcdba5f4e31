"""The one folder that holds everything the platform makes: `.nightshift/` beside the sources, or `NIGHTSHIFT_HOME`."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from local_platform.checkout import SOURCES
from local_platform.errors import CannotStart

SOCKET_LIMIT = 90
"""Bytes a folder's path may have: sockets live in it, and their whole path may have 107."""


ODD = re.compile(r"[%\"';#\n]")
ELSEWHERE = "set NIGHTSHIFT_HOME to another folder"


@dataclass(frozen=True)
class Home:
    """The folder, and the places inside it."""

    path: Path

    @property
    def settings(self) -> Path:
        """The ports, the passwords and the keys."""
        return self.path / "settings.env"

    @property
    def logs(self) -> Path:
        """One file per service."""
        return self.path / "logs"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.path / "airflow"

    @property
    def kubeconfig(self) -> Path:
        """How to reach the embedded cluster: for Airflow and for kubectl."""
        return self.path / "kubeconfig"

    @property
    def options(self) -> Path:
        """Options of Airflow that someone wants otherwise; the platform only reads it."""
        return self.path / "airflow.env"

    @property
    def manifests(self) -> Path:
        """What the administrator of another cluster applies for this platform."""
        return self.path / "kubernetes"

    @property
    def origin(self) -> Path:
        """Remembers the home's own path: a copy differs from it."""
        return self.path / "home"

    @property
    def lock(self) -> Path:
        """Held by the one command that may change what runs."""
        return self.path / "lock"


def locate(*, make: bool = True) -> Home:
    """The home of this checkout, made when it is not there, unless only asked about.

    Raises `CannotStart` when its path cannot serve.
    """
    path = Path(os.environ.get("NIGHTSHIFT_HOME") or SOURCES / ".nightshift").resolve()
    if len(str(path).encode()) > SOCKET_LIMIT:
        raise CannotStart(f"the path {path} has more than the {SOCKET_LIMIT} bytes that sockets can take: {ELSEWHERE}")
    if ODD.search(str(path)):
        raise CannotStart(f"the path {path} has one of {ODD.pattern}, which the supervisor cannot take: {ELSEWHERE}")
    if make:
        _make_private(path)
        (path / "logs").mkdir(exist_ok=True)
    return Home(path)


def _make_private(path: Path) -> None:
    """Makes the folder for this user alone; one that is already there must be Nightshift's own, or empty."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = {"settings.env", "install.lock", "logs", "lock"}
        if any(path.iterdir()) and not known & {child.name for child in path.iterdir()}:
            raise CannotStart(f"{path} holds something else: set NIGHTSHIFT_HOME to a new or empty folder")
        path.chmod(0o700)
    except OSError as error:
        raise CannotStart(
            f"{path} cannot be used ({error.strerror}): set NIGHTSHIFT_HOME to a folder of yours"
        ) from error
