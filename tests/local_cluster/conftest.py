"""A server of the embedded cluster, alone with its state."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster_server import ClusterServer
from support.pod_client import PodClient


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClusterServer]:
    """A server that a test may end and start again."""
    created = ClusterServer(tmp_path).start()
    yield created
    created.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    """A server for tests that leave it as it is."""
    created = ClusterServer(tmp_path_factory.mktemp("cluster")).start(CANARY="server-secret")
    yield created
    created.end()


@pytest.fixture(scope="module")
def pods(shared: ClusterServer) -> PodClient:
    return shared.build_pod_client()
