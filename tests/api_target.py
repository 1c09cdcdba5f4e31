"""A Kubernetes API as a proxy reaches it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from kubernetes import client, config


@dataclass(frozen=True)
class Target:
    """The API behind the door: its URL, and what the door shows there."""

    url: str
    tls: ssl.SSLContext | None
    headers: dict[str, str]

    @staticmethod
    def of(kubeconfig: Path) -> "Target":
        """The target of a kubeconfig, with its token or its certificate."""
        found = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=found)
        token = found.api_key.get("BearerToken")
        tls = ssl.create_default_context(cafile=found.ssl_ca_cert) if found.host.startswith("https") else None
        if tls and found.cert_file:
            tls.load_cert_chain(found.cert_file, found.key_file)
        return Target(found.host, tls, {"Authorization": token} if token else {})
