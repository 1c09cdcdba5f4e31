"""What a try does with the pods of earlier ones: takes over what is of use, removes what ended, leaves later ones."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import ApiClient, ApiException
from kubernetes.client import models as k8s

from nightshift_airflow.operators.command_operator import CommandOperator
from nightshift_airflow.operators.single_pod_operator import FOLLOWED_BY_LABEL
from nightshift_airflow.runs.triggered_by import make_annotations
from support import airflow_environment  # noqa: F401  # before anything imports airflow
from support.shell_steps import build_dag, build_shell_step

NAMESPACE = "nightshift"


class Cluster:
    """The pods of one task, as the Kubernetes API shows them."""

    def __init__(self, *pods: k8s.V1Pod) -> None:
        self.pods = {pod.metadata.name: pod for pod in pods}

    @property
    def api_client(self) -> Any:
        """The provider makes JSON of what it asks for."""
        return SimpleNamespace(sanitize_for_serialization=ApiClient().sanitize_for_serialization)

    def list_namespaced_pod(self, _namespace: str, label_selector: str) -> Any:
        checked = "already_checked!=True"
        hidden = {"True"} if checked in label_selector else set()
        pods = [pod for pod in self.pods.values() if pod.metadata.labels.get("already_checked") not in hidden]
        return SimpleNamespace(items=pods)

    def read_namespaced_pod(self, name: str, _namespace: str) -> k8s.V1Pod:
        if name not in self.pods:
            raise ApiException(status=404)
        return self.pods[name]

    def delete_namespaced_pod(self, name: str, namespace: str, **_options: Any) -> None:
        self.read_namespaced_pod(name, namespace)
        del self.pods[name]

    def patch_namespaced_pod(self, name: str, namespace: str, body: Mapping[str, Any]) -> None:
        self.read_namespaced_pod(name, namespace).metadata.labels.update(body["metadata"]["labels"])

    def create_namespaced_pod(self, body: Mapping[str, Any], **_options: Any) -> k8s.V1Pod:
        created = pod(body["metadata"]["name"], made_by=99, phase="Running")
        self.pods[created.metadata.name] = created
        return created


def pod(name: str, made_by: int, phase: str, **labels: str) -> k8s.V1Pod:
    created = datetime(2026, 3, 9, tzinfo=UTC) + timedelta(minutes=made_by)
    metadata = k8s.V1ObjectMeta(
        name=name, namespace=NAMESPACE, creation_timestamp=created, labels={"try_number": str(made_by), **labels}
    )
    spec = k8s.V1PodSpec(containers=[k8s.V1Container(name="base")])
    return k8s.V1Pod(metadata=metadata, spec=spec, status=k8s.V1PodStatus(phase=phase))


def step(cluster: Cluster, try_number: int) -> CommandOperator:
    """A try of a step, whose cluster is `cluster`."""
    with build_dag(f"tries_{id(cluster)}_{try_number}"):
        created = build_shell_step("train", "true", retries=8)
    created.__dict__["client"] = cluster
    created.remember_try({"ti": SimpleNamespace(try_number=try_number, max_tries=8)})
    return created


def chosen(made: CommandOperator, requested: str = "new") -> str:
    """The name of the pod that a try takes, or makes."""
    task = {"dag_id": "d", "task_id": "train", "map_index": -1, "try_number": made.try_number}
    context = {"ti": SimpleNamespace(**task), "run_id": "r", "dag": SimpleNamespace()}
    return str(made.get_or_create_pod(pod(requested, made.try_number, "Pending"), context).metadata.name)


def test_a_pod_that_is_at_work_is_followed_by_the_next_try_and_says_so() -> None:
    cluster = Cluster(pod("first", 1, "Running"))
    assert chosen(step(cluster, 2)) == "first"
    assert cluster.pods["first"].metadata.labels[FOLLOWED_BY_LABEL] == "2"


def test_a_pod_that_succeeded_while_nobody_looked_is_not_run_again() -> None:
    cluster = Cluster(pod("first", 1, "Succeeded"))
    assert chosen(step(cluster, 2)) == "first"


def test_a_pod_that_succeeded_before_the_task_was_cleared_is() -> None:
    cluster = Cluster(pod("old", 1, "Succeeded"))
    cleared = step(cluster, 3)
    cleared.first_try = 3
    assert chosen(cleared) == "new"
    assert "old" not in cluster.pods


def test_the_ended_pods_of_earlier_tries_are_removed_and_nothing_else() -> None:
    cluster = Cluster(
        pod("failed", 1, "Failed", already_checked="True"),
        pod("succeeded", 2, "Succeeded", already_checked="True"),
        pod("working", 3, "Running"),
        pod("later", 5, "Failed"),
    )
    assert chosen(step(cluster, 4)) == "working"
    assert set(cluster.pods) == {"working", "later"}


def test_a_pod_of_a_later_try_is_never_taken_nor_removed() -> None:
    cluster = Cluster(pod("later", 3, "Running"))
    assert chosen(step(cluster, 2)) == "new"
    assert "later" in cluster.pods


@pytest.mark.parametrize(("followed_by", "is_left"), [({}, False), ({FOLLOWED_BY_LABEL: "2"}, True)])
def test_a_try_that_is_killed_deletes_its_pod_unless_a_later_one_follows_it(
    followed_by: dict[str, str], is_left: bool
) -> None:
    cluster = Cluster(pod("first", 1, "Running", **followed_by))
    orphan = step(cluster, 1)
    orphan.pod = cluster.pods["first"]
    orphan.on_kill()
    assert ("first" in cluster.pods) is is_left
    assert orphan._killed


@pytest.mark.parametrize(("phase", "is_green"), [("Succeeded", True), ("Running", False), ("Failed", False)])
def test_a_step_whose_pod_succeeded_has_whatever_its_log_does(phase: str, is_green: bool) -> None:
    """What ended a step red whose pod had done its work: a worker whose log had nowhere to go any more."""
    cluster = Cluster(pod("first", 1, phase))
    created = step(cluster, 1)
    created.pod = cluster.pods["first"]

    def run() -> None:
        with created._explain_failure():
            try:
                raise BrokenPipeError
            finally:
                created.cleanup(created.pod, created.pod)

    if is_green:
        run()
    else:
        with pytest.raises((AirflowException, BrokenPipeError)):
            run()
    assert cluster.pods == {}


def test_every_pod_of_a_run_names_one_state_of_the_code_and_a_cleared_run_another() -> None:
    run = SimpleNamespace(run_id="backfill__2026-07-01T00:00:00+00:00", clear_number=0)
    named = make_annotations("flights_nightly", run)
    assert named == {"local-cluster/code-snapshot": "flights_nightly/backfill__2026-07-01T00:00:00+00:00/0"}
    run.clear_number = 1
    assert make_annotations("flights_nightly", run) != named
