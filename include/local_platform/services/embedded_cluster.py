"""The embedded Kubernetes API as a service, and the ConfigMap and Secret that the steps' pods read.

It starts `local_cluster` as a program and talks to it over its API; it never imports it.
"""

import base64
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from local_platform.errors import NotReady
from local_platform.marked_processes import MARK
from local_platform.services.service import Service, is_answering

NAMESPACE = "nightshift"
CONFIGURATION = "nightshift-steps"
"""The name of the ConfigMap and of the Secret that every step's pod reads its environment from, and of its account."""


@dataclass(frozen=True)
class Cluster:
    """One embedded cluster: where it keeps its state, its port, and the kubeconfig that it writes for clients.

    `hidden`: files and folders of the platform that its pods must not see, because they hold secrets. `names`: host
    names by which clients of other machines and containers reach it; empty: this machine only. `code`: folders of which
    the pods of one run see the files as they were when the run's first pod started.
    """

    home: Path
    port: int
    kubeconfig: Path
    hidden: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    code: tuple[Path, ...] = ()

    @property
    def url(self) -> str:
        """The URL of the API."""
        return f"http://127.0.0.1:{self.port}"


def list_code_folders(sources: Path) -> tuple[Path, ...]:
    """Returns the folders whose code the steps run: packages, suites, and the models that a team keeps elsewhere."""
    elsewhere = (Path(name) for name in os.environ.get("NIGHTSHIFT_MODELS", "").split(":") if name)
    folders = (sources / "include", sources / "great_expectations", *elsewhere)
    return tuple(folder.resolve() for folder in folders if folder.is_dir())


def define_service(cluster: Cluster) -> Service:
    """Returns the API as a service."""
    host = "0.0.0.0" if cluster.names else "127.0.0.1"  # noqa: S104 - only with names
    options = {"host": host, "port": cluster.port, "state": cluster.home, "kubeconfig": cluster.kubeconfig}
    arguments = [argument for name, value in options.items() for argument in (f"--{name}", str(value))]
    arguments += [argument for path in cluster.hidden for argument in ("--hide", str(path))]
    arguments += [argument for path in cluster.code for argument in ("--code", str(path))]
    arguments += ["--mark", MARK]
    arguments += [argument for name in cluster.names for argument in ("--network", "--name", name)]
    return Service(
        name="cluster",
        command=(sys.executable, "-m", "local_cluster", *arguments),
        directory=cluster.home,
        ready=lambda _since: is_ready(cluster),
        start_timeout=30,
        grace=20,  # its pods have their own time to end
        adopts=True,
    )


def is_ready(cluster: Cluster) -> bool:
    """Whether the API answers. One that other machines reach answers over TLS only."""
    if not cluster.names:
        return is_answering(f"{cluster.url}/readyz")
    try:
        _call(cluster, "GET", "/readyz")
    except (OSError, HTTPException, NotReady):
        return False
    return True


def build_step_objects(values: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Returns the ConfigMap, the Secret and the service account that every step's pod needs, by their collections."""
    metadata = {"name": CONFIGURATION, "namespace": NAMESPACE}
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in secrets.items()}
    bodies: dict[str, dict[str, Any]] = {
        "configmaps": {"kind": "ConfigMap", "data": dict(values)},
        "secrets": {"kind": "Secret", "type": "Opaque", "data": encoded},
        "serviceaccounts": {"kind": "ServiceAccount", "automountServiceAccountToken": False},
    }
    return {plural: {"apiVersion": "v1", "metadata": metadata, **body} for plural, body in bodies.items()}


def store_step_objects(cluster: Cluster, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Stores the environment of the steps and their service account in the cluster, replacing what was there."""
    for plural, value in build_step_objects(values, secrets).items():
        _put(cluster, plural, value)


def _put(cluster: Cluster, plural: str, value: dict[str, Any]) -> None:
    collection = f"/api/v1/namespaces/{NAMESPACE}/{plural}"
    try:
        _call(cluster, "POST", collection, value)
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
        _call(cluster, "PUT", f"{collection}/{CONFIGURATION}", value)


def _call(cluster: Cluster, method: str, path: str, value: dict[str, Any] | None = None) -> None:
    """Calls the server of the kubeconfig as other clients do: it may be reachable by a name and over TLS only."""
    try:
        config = json.loads(cluster.kubeconfig.read_text())
    except ValueError as error:
        raise NotReady(f"{cluster.kubeconfig} is damaged: `make down`, then `make up`, writes it again") from error
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trusted = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {user['token']}"}
    request = urllib.request.Request(  # noqa: S310 - our own https:// address
        server["server"] + path,
        data=None if value is None else json.dumps(value).encode(),
        headers=headers,
        method=method,
    )
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
    urllib.request.build_opener(*handlers).open(request, timeout=10).close()
