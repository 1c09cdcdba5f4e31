"""The cluster under test: the one that NIGHTSHIFT_TEST_KUBECONFIG names, else an embedded one on a free port."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, config

from support.cluster_server import ClusterServer
from support.pod_client import PodClient, wait_until

IMAGE = os.environ.get("NIGHTSHIFT_TEST_IMAGE", "debian:bookworm-slim")


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    given = os.environ.get("NIGHTSHIFT_TEST_KUBECONFIG")
    if given:
        yield Path(given)
        return
    server = ClusterServer(tmp_path_factory.mktemp("cluster")).start()
    yield server.kubeconfig
    server.end()


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))


@pytest.fixture(scope="session")
def namespace(api: client.CoreV1Api) -> Iterator[str]:
    """A namespace of this session; pods can be made in it once its service account exists."""
    name = str(api.create_namespace({"metadata": {"generateName": "contract-"}}).metadata.name)
    wait_until("the service account of the namespace", lambda: api.list_namespaced_service_account(name).items)
    yield name
    # At once, and not one by one: a pod that is just being deleted may be gone before its turn comes.
    api.delete_collection_namespaced_pod(name, grace_period_seconds=0)
    api.delete_namespace(name)


@pytest.fixture(scope="session")
def pods(api: client.CoreV1Api, namespace: str) -> PodClient:
    return PodClient(api, namespace, IMAGE)
