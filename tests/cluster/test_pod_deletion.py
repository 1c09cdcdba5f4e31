"""How pods are ended from outside."""

import time

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from support.pod_client import PodClient

CLEANUP = "trap 'echo cleaning; sleep 1; echo clean; exit 0' TERM; echo ready; while true; do sleep 0.1; done"
STUBBORN = "trap '' TERM; echo ready; while true; do sleep 0.1; done"


def test_a_deleted_pod_gets_a_signal_and_time_to_clean_up(pods: PodClient) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(CLEANUP)))
    pods.wait_for_log(name, "ready")
    log = pods.api.read_namespaced_pod_log(name, pods.namespace, follow=True, _preload_content=False)
    pods.delete(name)
    assert log.read().decode().startswith("ready\ncleaning\nclean\n")
    pods.wait_gone(name)


def test_a_pod_being_deleted_says_so(pods: PodClient) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(STUBBORN)))
    pods.wait_for_log(name, "ready")
    left = pods.delete(name, grace_period_seconds=70)
    assert left.metadata.deletion_timestamp
    assert left.metadata.deletion_grace_period_seconds == 70
    assert pods.read(name).metadata.deletion_timestamp
    pods.delete(name, grace_period_seconds=0)


@pytest.mark.parametrize("way", ["query", "body"])
def test_after_the_grace_period_a_pod_is_killed(pods: PodClient, way: str) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(STUBBORN), terminationGracePeriodSeconds=600))
    pods.wait_for_log(name, "ready")
    begin = time.monotonic()
    if way == "query":
        pods.delete(name, grace_period_seconds=2)
    else:
        pods.delete(name, body=client.V1DeleteOptions(grace_period_seconds=2))
    pods.wait_gone(name)
    assert time.monotonic() - begin > 1.5


def test_the_grace_period_of_the_pod_counts_when_none_is_given(pods: PodClient) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(STUBBORN), terminationGracePeriodSeconds=1))
    pods.wait_for_log(name, "ready")
    assert pods.delete(name).metadata.deletion_grace_period_seconds == 1
    pods.wait_gone(name)


def test_no_grace_removes_the_pod_at_once(pods: PodClient) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(STUBBORN)))
    pods.delete(name, grace_period_seconds=0)
    assert pods.find(name) is None


def test_a_second_deletion_can_shorten_the_grace_period(pods: PodClient) -> None:
    """A node of an older release (1.20) that has begun to wait out the first period does not look again."""
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(STUBBORN), terminationGracePeriodSeconds=20))
    pods.wait_for_log(name, "ready")
    first, second = pods.delete(name), pods.delete(name, grace_period_seconds=1)
    assert second.metadata.deletion_grace_period_seconds == 1
    assert second.metadata.deletion_timestamp < first.metadata.deletion_timestamp
    pods.wait_gone(name)


def test_a_finished_pod_goes_quickly(pods: PodClient) -> None:
    name = pods.run(
        pods.build_pod(pods.build_shell_container("exit 0"), terminationGracePeriodSeconds=600)
    ).metadata.name
    pods.delete(name)
    pods.wait_gone(name)


def test_a_name_can_be_used_again(pods: PodClient) -> None:
    body = pods.build_pod(pods.build_shell_container("echo first"))
    body["metadata"] = {"name": "again"}
    pods.finish(pods.create(body))
    pods.delete("again", grace_period_seconds=0)
    body["spec"]["containers"][0]["command"][-1] = "echo second"
    pods.finish(pods.create(body))
    assert pods.log("again") == "second\n"


def test_deleting_what_is_not_there_is_404(pods: PodClient) -> None:
    with pytest.raises(ApiException) as refused:
        pods.delete("nothing-here")
    assert refused.value.status == 404


def test_a_deletion_meant_for_another_pod_of_that_name_is_refused(pods: PodClient) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container("sleep 60"), terminationGracePeriodSeconds=0))
    other = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="00000000-0000-0000-0000-000000000000"))
    with pytest.raises(ApiException) as refused:
        pods.delete(name, body=other)
    assert refused.value.status == 409
    pods.delete(name, grace_period_seconds=0)


def test_all_pods_with_a_label_can_be_deleted_at_once(pods: PodClient) -> None:
    names = [
        pods.create(pods.build_pod(pods.build_shell_container("sleep 60"), labels={"crowd": "yes"})) for _ in range(3)
    ]
    other = pods.create(pods.build_pod(pods.build_shell_container("sleep 60"), labels={"crowd": "no"}))
    pods.api.delete_collection_namespaced_pod(pods.namespace, label_selector="crowd=yes", grace_period_seconds=0)
    for name in names:
        pods.wait_gone(name)
    assert pods.find(other)
    pods.delete(other, grace_period_seconds=0)
