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

from support.manifests import KUBERNETES, describe_renderer
from support.pod_client import wait_until

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

    def place_pod(self, pod: Object) -> Object:
        """A step's pod, in this namespace."""
        return {**pod, "metadata": {**pod["metadata"], "namespace": self.namespace}}


def find_kubeconfig() -> Path:
    """The administrator's kubeconfig; fails without one, because whoever runs these tests asked for a cluster."""
    path = Path(os.environ.get(VARIABLE, ""))
    if not path.is_file():
        pytest.fail(f"{VARIABLE} names no file: set it to the kubeconfig of a cluster's administrator")
    return path


@contextmanager
def apply_manifests(folder: Path) -> Iterator[Applied]:
    """Applies the overlay `local` under another name, with a configuration; takes all of it away again."""
    namespace = f"nightshift-{uuid.uuid4().hex[:8]}"
    overlay = os.path.relpath(KUBERNETES / "overlays" / "local", folder.resolve())
    (folder / "kustomization.yaml").write_text(KUSTOMIZATION.format(namespace=namespace, overlay=overlay))
    admin = config.new_client_from_config(str(find_kubeconfig()))
    try:
        output = run_kubectl("apply", "-k", str(folder))
        assert "Warning" not in output, output
        core = client.CoreV1Api(admin)
        # Until the quota is counted, every pod is refused.
        wait_until("the quota", lambda: core.read_namespaced_resource_quota(QUOTA, namespace).status.used)
        yield Applied(folder, namespace, admin.configuration.host, admin, _build_airflow_client(admin, namespace))
    finally:
        run_kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=true", "--timeout=240s")


def run_kubectl(*arguments: str) -> str:
    """What kubectl says as the administrator."""
    describe_renderer()
    command = ["kubectl", "--kubeconfig", str(find_kubeconfig()), *arguments]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout + completed.stderr


def _build_airflow_client(admin: client.ApiClient, namespace: str) -> client.ApiClient:
    """A client with a token of Airflow's account that ends by itself."""
    core = client.CoreV1Api(admin)
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=3600))
    account = "nightshift-airflow"
    token = wait_until(
        "the account", lambda: core.create_namespaced_service_account_token(account, namespace, request).status.token
    )
    settings = client.Configuration()
    settings.host, settings.ssl_ca_cert = admin.configuration.host, admin.configuration.ssl_ca_cert
    settings.api_key = {"authorization": f"Bearer {token}"}
    return client.ApiClient(settings)
