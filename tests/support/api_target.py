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
    def read_kubeconfig(kubeconfig: Path) -> "Target":
        """The target of a kubeconfig, with its token or its certificate."""
        actual = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=actual)
        token = actual.api_key.get("BearerToken")
        tls = ssl.create_default_context(cafile=actual.ssl_ca_cert) if actual.host.startswith("https") else None
        if tls and actual.cert_file:
            tls.load_cert_chain(actual.cert_file, actual.key_file)
        return Target(actual.host, tls, {"Authorization": token} if token else {})
