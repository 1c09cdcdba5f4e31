"""The manifests applied to a real cluster in a namespace of their own, and Airflow's account there."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from manifests import KUBERNETES, which
from pod_client import until

Object = dict[str, Any]
VARIABLE = "NIGHTSHIFT_TEST_KUBECONFIG"
QUOTA = "nightshift"
KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
resources: [{overlay}]
generatorOptions: {{disableNameSuffixHash: true}}
configMapGenerator: [{{name: nightshift-steps, literals: [NIGHTSHIFT_S3_BUCKET=canary-bucket]}}]
secretGenerator: [{{name: nightshift-steps, literals: [AWS_SECRET_ACCESS_KEY=canary-secret]}}]
"""


@dataclass(frozen=True)
class Applied:
    """A namespace with everything in it: `admin` may do all there, `airflow` what its role says."""

    folder: Path
    namespace: str
    server: str
    admin: client.ApiClient
    airflow: client.ApiClient

    def placed(self, pod: Object) -> Object:
        """A step's pod, in this namespace."""
        return {**pod, "metadata": {**pod["metadata"], "namespace": self.namespace}}


def kubeconfig() -> Path:
    """The administrator's kubeconfig; fails without one, because whoever runs these tests asked for a cluster."""
    path = Path(os.environ.get(VARIABLE, ""))
    if not path.is_file():
        pytest.fail(f"{VARIABLE} names no file: set it to the kubeconfig of a cluster's administrator")
    return path


@contextmanager
def applied(folder: Path) -> Iterator[Applied]:
    """Applies the overlay `local` under another name, with a configuration; takes all of it away again."""
    namespace = f"nightshift-{uuid.uuid4().hex[:8]}"
    overlay = os.path.relpath(KUBERNETES / "overlays" / "local", folder.resolve())
    (folder / "kustomization.yaml").write_text(KUSTOMIZATION.format(namespace=namespace, overlay=overlay))
    admin = config.new_client_from_config(str(kubeconfig()))
    try:
        said = kubectl("apply", "-k", str(folder))
        assert "Warning" not in said, said
        core = client.CoreV1Api(admin)
        # Until the quota is counted, every pod is refused.
        until("the quota", lambda: core.read_namespaced_resource_quota(QUOTA, namespace).status.used)
        yield Applied(folder, namespace, admin.configuration.host, admin, _airflow(admin, namespace))
    finally:
        kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=true", "--timeout=240s")


def kubectl(*words: str) -> str:
    """What kubectl says as the administrator."""
    which()
    command = ["kubectl", "--kubeconfig", str(kubeconfig()), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _airflow(admin: client.ApiClient, namespace: str) -> client.ApiClient:
    """A client with a token of Airflow's account that ends by itself."""
    core = client.CoreV1Api(admin)
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=3600))
    account = "nightshift-airflow"
    token = until(
        "the account", lambda: core.create_namespaced_service_account_token(account, namespace, request).status.token
    )
    settings = client.Configuration()
    settings.host, settings.ssl_ca_cert = admin.configuration.host, admin.configuration.ssl_ca_cert
    settings.api_key = {"authorization": f"Bearer {token}"}
    return client.ApiClient(settings)
