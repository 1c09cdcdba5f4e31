"""The pod that each task of every DAG would make."""

import re

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

from nightshift import catalog
from support.task_pods import build_pod, list_every_step, list_steps

PINNED = re.compile(r"\A[^:@]+(:[0-9]+/[^:@]+)?(:(?!latest\Z)[\w.-]+|@sha256:[0-9a-f]{64})\Z")


def test_the_pod_is_as_large_as_the_definition_says(nightlies: dict[str, DAG]) -> None:
    for model in catalog.load_all_models():
        for task in list_steps(nightlies[model.name]):
            limits = model.get_resources(task.task_id)
            pod = build_pod(task)
            # S3 and MLflow may each be away for 120 s, and an attempt of 20 s may begin just before that is over.
            assert pod["spec"]["activeDeadlineSeconds"] == limits.timeout.total_seconds() + 2 * (120 + 20)
            assert pod["spec"]["containers"][0]["resources"] == {
                "requests": {"cpu": limits.cpu, "memory": limits.memory, "ephemeral-storage": "256Mi"},
                "limits": {"cpu": limits.cpu_limit, "memory": limits.memory_limit, "ephemeral-storage": "3Gi"},
            }


def test_the_image_is_pinned(bag: DagBag) -> None:
    images = {build_pod(task)["spec"]["containers"][0]["image"] for task in list_every_step(bag)}
    assert images
    assert all(PINNED.match(image) for image in images)


@pytest.mark.parametrize("image", ["steps", "steps:latest", "host:5000/steps", "host:5000/steps:latest"])
def test_an_image_that_is_not_pinned_would_be_found(image: str) -> None:
    assert not PINNED.match(image)


def test_the_pod_meets_the_restricted_profile_and_writes_only_to_tmp(bag: DagBag) -> None:
    for task in list_every_step(bag):
        spec = build_pod(task)["spec"]
        (container,) = spec["containers"]
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        }
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]  # noqa: S108  # in the pod
        assert [set(volume) for volume in spec["volumes"]] == [{"name", "emptyDir"}]
        assert spec["serviceAccountName"] == "nightshift-steps"
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["restartPolicy"] == "Never"
        assert not spec.get("hostNetwork")


def test_configuration_comes_by_reference_and_threads_follow_the_limit(bag: DagBag) -> None:
    for task in list_every_step(bag):
        (container,) = build_pod(task)["spec"]["containers"]
        assert container["envFrom"] == [
            {"configMapRef": {"name": "nightshift-steps"}},
            {"secretRef": {"name": "nightshift-steps"}},
        ]
        environment = {variable["name"]: variable["value"] for variable in container["env"]}
        assert environment["OMP_NUM_THREADS"] == "1"
        assert not [name for name in environment if "KEY" in name or "SECRET" in name or "PASSWORD" in name]


def test_nothing_of_a_pod_is_made_from_a_template(bag: DagBag) -> None:
    assert {task.template_fields for task in list_every_step(bag)} == {("arguments",)}


def test_no_pod_is_left_and_no_specification_is_logged(bag: DagBag) -> None:
    for task in list_every_step(bag):
        assert (task.on_finish_action.value, task.on_kill_action.value) == ("delete_pod", "delete_pod")
        assert task.durable
        assert not task.log_pod_spec_on_failure
        assert not task.do_xcom_push
