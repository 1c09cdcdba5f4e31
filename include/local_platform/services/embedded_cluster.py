"""The embedded Kubernetes API as a service, and what the steps' pods find in it: one ConfigMap and one Secret."""

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
from local_platform.services.service import Service, answers

NAMESPACE = "nightshift"
CONFIGURATION = "nightshift-steps"
"""The name of the ConfigMap and of the Secret that every step's pod reads its environment from, and of its account."""


@dataclass(frozen=True)
class Cluster:
    """One embedded cluster: where it keeps its state, its port, and the file that tells clients how to reach it.

    `hidden`: files and folders of the platform that its pods must not see, because they hold secrets. With `names`, it
    serves clients of other machines and containers, who reach it by them. `code`: the folders whose files stay, for the
    pods of one run, as they were when its first pod started.
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


def code_folders(sources: Path) -> tuple[Path, ...]:
    """What the steps run from a checkout: its packages, its suites, and the models that a team keeps elsewhere."""
    elsewhere = (Path(name) for name in os.environ.get("NIGHTSHIFT_MODELS", "").split(":") if name)
    folders = (sources / "include", sources / "great_expectations", *elsewhere)
    return tuple(folder.resolve() for folder in folders if folder.is_dir())


def service(cluster: Cluster) -> Service:
    """The API as a service."""
    host = "0.0.0.0" if cluster.names else "127.0.0.1"  # noqa: S104 - an explicit wish
    options = {"host": host, "port": cluster.port, "state": cluster.home, "kubeconfig": cluster.kubeconfig}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    words += [word for path in cluster.hidden for word in ("--hide", str(path))]
    words += [word for path in cluster.code for word in ("--code", str(path))]
    words += ["--mark", MARK]
    words += [word for name in cluster.names for word in ("--network", "--name", name)]
    return Service(
        name="cluster",
        command=(sys.executable, "-m", "local_cluster", *words),
        directory=cluster.home,
        ready=lambda _since: is_ready(cluster),
        patience=30,
        grace=20,  # its pods have their own time to end
        adopts=True,
    )


def is_ready(cluster: Cluster) -> bool:
    """Whether the API answers; one that others reach does so over TLS only."""
    if not cluster.names:
        return answers(f"{cluster.url}/readyz")
    try:
        _call(cluster, "GET", "/readyz")
    except (OSError, HTTPException, NotReady):
        return False
    return True


def objects(values: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What every step's pod needs to find: the ConfigMap, the Secret and the service account, by their collections."""
    metadata = {"name": CONFIGURATION, "namespace": NAMESPACE}
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in secrets.items()}
    bodies: dict[str, dict[str, Any]] = {
        "configmaps": {"kind": "ConfigMap", "data": dict(values)},
        "secrets": {"kind": "Secret", "type": "Opaque", "data": encoded},
        "serviceaccounts": {"kind": "ServiceAccount", "automountServiceAccountToken": False},
    }
    return {plural: {"apiVersion": "v1", "metadata": metadata, **body} for plural, body in bodies.items()}


def configure(cluster: Cluster, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Puts the environment of the steps and their service account into the cluster, over what was there."""
    for plural, value in objects(values, secrets).items():
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
    """Asks the server that the kubeconfig names, as its clients do: it may be reached by a name, and over TLS only."""
    try:
        config = json.loads(cluster.kubeconfig.read_text())
    except ValueError as error:
        raise NotReady(f"{cluster.kubeconfig} is damaged: `make down`, then `make up`, writes it anew") from error
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
