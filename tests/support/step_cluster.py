"""A cluster in which tests run steps: the embedded one, or a namespace of their own on a real one."""

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from local_platform.services.embedded_cluster import CONFIGURATION, NAMESPACE
from support.embedded import run_embedded_cluster
from support.pod_client import wait_until

KUBECONFIG = "NIGHTSHIFT_TEST_KUBECONFIG"


@dataclass(frozen=True)
class StepCluster:
    """A namespace of a cluster, with all that the pods of steps need."""

    kubeconfig: Path
    namespace: str
    image: str
    is_real: bool

    @property
    def environment(self) -> dict[str, Any]:
        """What Airflow must know besides the kubeconfig: texts."""
        return {"NIGHTSHIFT_NAMESPACE": self.namespace, "NIGHTSHIFT_STEP_IMAGE": self.image}

    def build_api(self) -> client.CoreV1Api:
        """A client of the cluster."""
        return client.CoreV1Api(config.new_client_from_config(str(self.kubeconfig)))

    def list_pods(self) -> list[Any]:
        """The pods that are there now."""
        return list(self.build_api().list_namespaced_pod(self.namespace).items)

    def log(self, name: str) -> str:
        """What a pod has written."""
        reply = self.build_api().read_namespaced_pod_log(name, self.namespace, _preload_content=False)
        return str(reply.data.decode())

    def list_living_pods(self) -> list[str]:
        """The names of the pods that nobody has deleted; a node may take a minute to let go of one that never ran."""
        return [str(pod.metadata.name) for pod in self.list_pods() if not pod.metadata.deletion_timestamp]

    def wait_until_empty(self) -> bool:
        """Waits until no pod is left; fails when one stays."""
        wait_until("every pod to be gone", lambda: not self.list_pods(), 150)
        return True


@contextmanager
def run_embedded_steps(home: Path, values: Mapping[str, str]) -> Iterator[StepCluster]:
    """The embedded cluster, whose pods are processes of this machine."""
    with run_embedded_cluster(home, values) as created:
        yield StepCluster(created.kubeconfig, NAMESPACE, "nightshift-steps:local", is_real=False)


@contextmanager
def run_real_steps(values: Mapping[str, str]) -> Iterator[StepCluster]:
    """A new namespace on the cluster of `NIGHTSHIFT_TEST_KUBECONFIG`, which has the image of the steps."""
    if not os.environ.get(KUBECONFIG):
        pytest.fail(f"{KUBECONFIG} is not set: name the kubeconfig of a cluster on which tests may make namespaces")
    kubeconfig = Path(os.environ[KUBECONFIG])
    api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    name = str(api.create_namespace({"metadata": {"generateName": "steps-"}}).metadata.name)
    try:
        _furnish(api, name, values)
        image = os.environ.get("NIGHTSHIFT_TEST_STEP_IMAGE", "nightshift-steps:local")
        yield StepCluster(kubeconfig, name, image, is_real=True)
    finally:
        api.delete_namespace(name)


def _furnish(api: client.CoreV1Api, namespace: str, values: Mapping[str, str]) -> None:
    metadata = {"name": CONFIGURATION}
    secret = {"NIGHTSHIFT_TEST_SECRET": base64.b64encode(b"hidden").decode()}
    api.create_namespaced_service_account(namespace, {"metadata": metadata, "automountServiceAccountToken": False})
    api.create_namespaced_config_map(namespace, {"metadata": metadata, "data": dict(values)})
    api.create_namespaced_secret(namespace, {"metadata": metadata, "data": secret})
    # A pod can be made once the account's controller has seen it.
    wait_until("the service accounts", lambda: len(api.list_namespaced_service_account(namespace).items) > 1)
