"""The home: the folder of all that the platform writes. `.nightshift/` in the checkout, or `NIGHTSHIFT_HOME`."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from local_platform.checkout import SOURCES
from local_platform.errors import CannotStart

SOCKET_LIMIT = 90
"""Bytes that the home's path may have: it holds sockets, whose whole path may have 107."""
UNSUITABLE = re.compile(r"[%\"';#\n]")
ELSEWHERE = "set NIGHTSHIFT_HOME to another folder"


@dataclass(frozen=True)
class Home:
    """The folder, and the paths inside it."""

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
        """The kubeconfig of the embedded cluster, for Airflow and for kubectl."""
        return self.path / "kubeconfig"

    @property
    def options(self) -> Path:
        """Options of Airflow that a person overrides; the platform only reads this file."""
        return self.path / "airflow.env"

    @property
    def manifests(self) -> Path:
        """The manifests that the administrator of another cluster applies for this platform."""
        return self.path / "kubernetes"

    @property
    def origin(self) -> Path:
        """A file with the home's own path, by which a copied home is recognised."""
        return self.path / "home"

    @property
    def lock(self) -> Path:
        """The lock that a command holds while it changes what runs."""
        return self.path / "lock"


def locate_home(*, make: bool = True) -> Home:
    """Returns the home of this checkout. With `make`, creates it when it is missing.

    Raises `CannotStart` when its path is unsuitable.
    """
    path = Path(os.environ.get("NIGHTSHIFT_HOME") or SOURCES / ".nightshift").resolve()
    if len(str(path).encode()) > SOCKET_LIMIT:
        raise CannotStart(f"the path {path} has more than the {SOCKET_LIMIT} bytes that sockets can take: {ELSEWHERE}")
    if UNSUITABLE.search(str(path)):
        raise CannotStart(
            f"the path {path} has one of {UNSUITABLE.pattern}, which the supervisor cannot take: {ELSEWHERE}"
        )
    if make:
        _make_private(path)
        (path / "logs").mkdir(exist_ok=True)
    return Home(path)


def _make_private(path: Path) -> None:
    """Creates the folder for this user alone. An existing folder must be Nightshift's own, or empty."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        own_names = {"settings.env", "install.lock", "logs", "lock"}
        if any(path.iterdir()) and not own_names & {child.name for child in path.iterdir()}:
            raise CannotStart(f"{path} holds something else: set NIGHTSHIFT_HOME to a new or empty folder")
        path.chmod(0o700)
    except OSError as error:
        raise CannotStart(
            f"{path} cannot be used ({error.strerror}): set NIGHTSHIFT_HOME to a folder of yours"
        ) from error
