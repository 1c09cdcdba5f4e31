"""A server of the embedded cluster, alone with its state."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_server import ClusterServer
from pod_client import PodClient


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClusterServer]:
    """A server that a test may end and start again."""
    made = ClusterServer(tmp_path).start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    """A server for tests that leave it as it is."""
    made = ClusterServer(tmp_path_factory.mktemp("cluster")).start(CANARY="server-secret")
    yield made
    made.end()


@pytest.fixture(scope="module")
def pods(shared: ClusterServer) -> PodClient:
    return shared.pods()
