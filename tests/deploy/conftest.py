"""The DAGs of this tree, and the manifests of every overlay as kubectl renders them."""

from support import airflow_environment  # noqa: I001  # before anything imports airflow
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from support.manifests import OVERLAYS, Manifests
from support.task_pods import list_every_step, build_pod


@pytest.fixture(scope="session")
def bag() -> DagBag:
    return DagBag(str(airflow_environment.ROOT / "dags"), collect_dags=True)


@pytest.fixture(scope="session")
def pods(bag: DagBag) -> dict[str, dict[str, Any]]:
    """The pod of every task of every DAG, by the task's full name."""
    return {f"{task.dag_id}.{task.task_id}": build_pod(task) for task in list_every_step(bag)}


@pytest.fixture(scope="session")
def rendered() -> dict[str, Manifests]:
    """The manifests of each overlay."""
    return {overlay: Manifests.render_overlay(overlay) for overlay in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, rendered: dict[str, Manifests]) -> Manifests:
    """Each overlay in turn."""
    return rendered[request.param]
