"""The DAGs of this tree, parsed once."""

from support import airflow_environment  # noqa: I001  # before anything imports airflow
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG


@pytest.fixture(scope="session")
def bag() -> DagBag:
    return DagBag(str(airflow_environment.ROOT / "dags"), collect_dags=True)


@pytest.fixture(scope="session")
def nightlies(bag: DagBag) -> dict[str, DAG]:
    """The nightly DAGs by the name of their model."""
    return {name.removesuffix("_nightly"): dag for name, dag in bag.dags.items() if name.endswith("_nightly")}
