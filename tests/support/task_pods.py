"""The pod of every task of every DAG, as it would be sent to Kubernetes."""

from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from kubernetes.client import ApiClient

from nightshift_airflow.operators.command_operator import CommandOperator


def list_steps(dag: DAG) -> list[CommandOperator]:
    """The tasks of `dag` that run in pods."""
    return [task for task in dag.tasks if isinstance(task, CommandOperator)]


def list_every_step(bag: DagBag) -> list[CommandOperator]:
    """The tasks of every DAG that run in pods."""
    return [step for dag in bag.dags.values() for step in list_steps(dag)]


def build_pod(task: CommandOperator) -> dict[str, Any]:
    """The pod that `task` would make, as JSON."""
    created: dict[str, Any] = ApiClient().sanitize_for_serialization(task.build_pod_request_obj(dry_run=True))
    return created
