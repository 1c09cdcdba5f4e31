"""A real embedded cluster and an Airflow of its own for the tests of the operator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import airflow_environment  # noqa: F401  # before anything imports airflow
from embedded import Airflow, Cluster, embedded_cluster

CASES = Path(__file__).parent / "cases"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with embedded_cluster(tmp_path_factory.mktemp("cluster"), {"NIGHTSHIFT_S3_REGION": "here"}) as made:
        yield made


@pytest.fixture(scope="session")
def airflow(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    made = Airflow(tmp_path_factory.mktemp("airflow"), CASES, cluster.kubeconfig)
    made.migrate()
    return made
