"""Reads whether another cluster replaces the embedded one: `NIGHTSHIFT_CLUSTER=external`, and its variables.

| variable | meaning |
|---|---|
| `NIGHTSHIFT_SERVICE_ADDRESS` | the IPv4 address of this machine at which that cluster's pods reach S3 and MLflow |
| `KUBECONFIG` | the kubeconfig of the restricted account `nightshift-airflow`, for Airflow |
| `NIGHTSHIFT_STEP_IMAGE` | the image of the steps, as the cluster's nodes know it (default: `nightshift-steps:local`) |
"""

import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from local_platform.errors import CannotStart
from local_platform.services.airflow_services import IMAGE
from nightshift.known_variables import DEFAULTS

CHOICE = "NIGHTSHIFT_CLUSTER"
ADDRESS = "NIGHTSHIFT_SERVICE_ADDRESS"
CHOICES = ("embedded", "external")


@dataclass(frozen=True)
class ExternalCluster:
    """A cluster that is run elsewhere.

    `address`: where this machine's services listen for its pods. `image`: what the steps' pods run.
    """

    address: str
    image: str

    @property
    def kubeconfig(self) -> Path:
        """The file that KUBECONFIG names. Raises `CannotStart` when it names none."""
        path = Path(os.environ.get("KUBECONFIG", ""))
        if not path.is_file():
            raise CannotStart(
                f"{CHOICE}=external, but KUBECONFIG names no file: make one with "
                "`make kubeconfig ADMIN=<the administrator's kubeconfig>` and export its path"
            )
        return path.resolve()


def read_choice() -> ExternalCluster | None:
    """Returns the cluster that the environment names, or None for the embedded one. Raises `CannotStart`."""
    choice = os.environ.get(CHOICE) or DEFAULTS[CHOICE]
    if choice not in CHOICES:
        raise CannotStart(f"{CHOICE}={choice[:40]!r} is no choice: expected one of {', '.join(CHOICES)}")
    if choice == "embedded":
        return None
    return ExternalCluster(read_service_address(), os.environ.get("NIGHTSHIFT_STEP_IMAGE") or IMAGE)


def read_service_address() -> str:
    """Returns the address that pods reach. Raises `CannotStart` unless it is an address of this machine."""
    text = os.environ.get(ADDRESS, "")
    say = f"{ADDRESS} must be the IPv4 address of this machine that the cluster's pods reach, for example 192.168.1.10"
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError as error:
        raise CannotStart(f"{say}: it is {text[:40]!r}" if text else f"{say}: it is not set") from error
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        raise CannotStart(f"{say}: {address} is not one that a pod can reach")
    with socket.socket() as probe:
        try:
            probe.bind((str(address), 0))
        except OSError as error:
            raise CannotStart(f"{say}: {address} is no address of this machine ({error.strerror})") from error
    return str(address)
