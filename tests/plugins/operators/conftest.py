"""A cluster and an Airflow of its own for the tests of the operator; each cluster in its turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import airflow_environment  # noqa: F401  # before anything imports airflow
from support.embedded import Airflow
from support.step_cluster import StepCluster, run_embedded_steps, run_real_steps

CASES = Path(__file__).parent / "cases"
VALUES = {"NIGHTSHIFT_S3_REGION": "here"}
CLUSTERS = [
    pytest.param(False, id="embedded", marks=pytest.mark.slow),
    pytest.param(True, id="real", marks=pytest.mark.kubernetes),
]


@pytest.fixture(scope="session", params=CLUSTERS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepCluster]:
    """The embedded cluster, and a namespace of a real one; each is left without a pod."""
    steps = run_real_steps(VALUES) if request.param else run_embedded_steps(tmp_path_factory.mktemp("cluster"), VALUES)
    with steps as cluster:
        yield cluster


@pytest.fixture(scope="session")
def airflow(cluster: StepCluster, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """An Airflow without services, whose steps run in the cluster."""
    airflow = Airflow(tmp_path_factory.mktemp("airflow"), CASES, cluster.kubeconfig)
    airflow.migrate()
    return airflow
