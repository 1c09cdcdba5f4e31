"""What each outcome of a pod means, read from statuses as Kubernetes writes them."""

import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, AirflowTaskTimeout
from kubernetes.client import ApiClient, ApiException
from kubernetes.client import models as k8s
from kubernetes.config import ConfigException

from nightshift.errors import BadConfig, DataRejected, NightshiftError, NothingToDo, TryLater
from nightshift_airflow.kubernetes.api_retries import ApiUnavailable
from nightshift_airflow.kubernetes.pod_outcome import (
    EXITS,
    Interruption,
    Outcome,
    read_call_failure,
    read_full_disk,
    read_outcome,
)
from nightshift_airflow.runs.retry_policy import is_lost

LINE = "rejected: 2 of 3 datasets"
NO_INTERRUPTION = Interruption()


def pod(status: dict[str, Any], **metadata: Any) -> k8s.V1Pod:
    document = {
        "metadata": {"name": "flights-train-abc", "namespace": "nightshift", **metadata},
        "spec": {
            "activeDeadlineSeconds": 600,
            "containers": [{"name": "base", "resources": {"limits": {"memory": "1Gi"}}}],
        },
        "status": status,
    }

    class Response:
        data = json.dumps(document)

    return ApiClient().deserialize(Response, "V1Pod")


def exited(code: int, reason: str = "Error", **more: Any) -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason, **more}}
    return {"phase": "Failed", "containerStatuses": [_container(state)]}


def _container(state: dict[str, Any]) -> dict[str, Any]:
    return {"name": "base", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (NothingToDo.exit_code, AirflowSkipException),
        (DataRejected.exit_code, AirflowFailException),
        (BadConfig.exit_code, AirflowFailException),
        (TryLater.exit_code, AirflowException),
        (1, AirflowException),
        (2, AirflowException),
        (139, AirflowException),
        (143, AirflowException),
    ],
)
def test_an_exit_code_becomes_the_outcome_of_the_table(code: int, kind: type[AirflowException]) -> None:
    error = read_outcome(pod(exited(code)), "base", LINE, NO_INTERRUPTION).make_error()
    assert type(error) is kind
    assert str(error).startswith(f"{LINE} (exit {code}: ")


def test_every_kind_of_error_of_a_step_has_an_outcome() -> None:
    assert {kind.exit_code for kind in NightshiftError.__subclasses__()} <= set(EXITS)


LOST: list[tuple[dict[str, Any], str]] = [
    (exited(137), "the step's process was killed from outside (exit 137: SIGKILL); Kubernetes does not say by what"),
    (exited(143), "the step's process was ended from outside (exit 143: SIGTERM); Kubernetes does not say by what"),
    (
        exited(137, "ContainerStatusUnknown", message="The container could not be located"),
        "the node lost the step's container, and does not know how it ended: The container could not be located",
    ),
    (
        {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
        "the pod was stopped (Evicted): The node was low on resource: memory.",
    ),
    (
        {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."},
        "disk full on its node: the pod was stopped (Evicted): The node was low on resource: ephemeral-storage.",
    ),
    ({"phase": "Failed", "reason": "NodeLost", "message": "gone"}, "the pod was stopped (NodeLost): gone"),
    ({"phase": "Failed", "reason": "NodeShutdown"}, "the pod was stopped (NodeShutdown): no message"),
    ({"phase": "Unknown"}, "the node of the pod is lost: its state is unknown"),
]


@pytest.mark.parametrize(("status", "sentence"), LOST)
def test_infrastructure_that_took_the_pod_away_is_named_and_is_no_real_failure(
    status: dict[str, Any], sentence: str
) -> None:
    outcome = read_outcome(pod(status), "base", "", NO_INTERRUPTION)
    assert outcome.sentence.startswith(sentence)
    assert is_lost(outcome.make_error())


def test_a_pod_that_is_gone_is_no_real_failure() -> None:
    assert is_lost(read_outcome(None, "base", "", NO_INTERRUPTION).make_error())
    being_deleted = pod(exited(137), deletionTimestamp="2026-03-09T00:00:00Z")
    assert is_lost(read_outcome(being_deleted, "base", "", NO_INTERRUPTION).make_error())


OWN = "Pod ephemeral local storage usage exceeds the total limit of containers 3Gi. "
REAL: list[dict[str, Any]] = [
    exited(1),
    exited(75),
    exited(139),
    exited(137, "OOMKilled"),
    {**exited(137), "reason": "DeadlineExceeded"},
    {"phase": "Failed", "reason": "Evicted", "message": OWN},
    {"phase": "Failed", "reason": "Evicted", "message": 'Usage of EmptyDir volume "tmp" exceeds the limit "2Gi". '},
    {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
]


@pytest.mark.parametrize("status", REAL)
def test_what_the_step_itself_did_is_a_real_failure(status: dict[str, Any]) -> None:
    assert not is_lost(read_outcome(pod(status), "base", LINE, NO_INTERRUPTION).make_error())


def test_a_timeout_of_the_task_is_a_real_failure() -> None:
    interruption = Interruption(AirflowTaskTimeout())
    assert not is_lost(read_outcome(pod(exited(137)), "base", "", interruption).make_error())


def test_a_full_disk_is_called_that() -> None:
    evicted = pod({"phase": "Failed", "reason": "Evicted", "message": OWN})
    assert read_outcome(evicted, "base", "", NO_INTERRUPTION).sentence.startswith(
        "disk full: the step wrote more than its pod may"
    )
    line = "failed: OSError: [Errno 28] No space left on device"
    assert read_outcome(pod(exited(1)), "base", line, NO_INTERRUPTION).sentence.startswith(
        f"disk full: {line} (exit 1: "
    )
    answer = ApiException(status=500, reason="Internal Server Error")
    answer.body = json.dumps({"message": "[Errno 28] No space left on device"})
    assert read_call_failure(answer).sentence.startswith("disk full on the machine of Kubernetes")
    assert read_call_failure(ApiUnavailable("500: No space left on device, for 300 s")).sentence.startswith("disk full")
    full_disk = read_full_disk(OSError(28, "No space left on device"))
    assert full_disk
    assert full_disk.sentence.startswith("disk full on Airflow's machine")
    assert read_full_disk(OSError(2, "No such file")) is None


def test_out_of_memory_names_the_limit() -> None:
    outcome = read_outcome(pod(exited(137, "OOMKilled")), "base", "fitting", NO_INTERRUPTION)
    assert outcome == Outcome("retry", "out of memory: limit 1Gi; its last line was: fitting")


def test_the_deadline_names_the_limit() -> None:
    outcome = read_outcome(pod({**exited(137), "reason": "DeadlineExceeded"}), "base", "", NO_INTERRUPTION)
    assert outcome == Outcome("retry", "out of time: the step's limit is 600 s")


def test_a_run_whose_code_is_lost_is_not_tried_again() -> None:
    status = {"phase": "Failed", "reason": "CodeSnapshotLost", "message": "clear the run from its first task"}
    outcome = read_outcome(pod(status), "base", "", NO_INTERRUPTION)
    assert outcome == Outcome("fail", "the pod was stopped (CodeSnapshotLost): clear the run from its first task")


def test_an_eviction_names_its_reason() -> None:
    status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    outcome = read_outcome(pod(status), "base", "", NO_INTERRUPTION)
    assert outcome == Outcome("retry", "the pod was stopped (Evicted): The node was low on resource: memory.")


def test_a_missing_image_names_the_reason_of_the_registry() -> None:
    state = {"waiting": {"reason": "ErrImagePull", "message": "steps:9: not found"}}
    outcome = read_outcome(
        pod({"phase": "Pending", "containerStatuses": [_container(state)]}), "base", "", NO_INTERRUPTION
    )
    assert outcome == Outcome("fail", "the pod could not start (ErrImagePull): steps:9: not found")


def test_a_pod_that_no_node_takes_names_the_event() -> None:
    message = "0/3 nodes are available: 3 Insufficient memory."
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    outcome = read_outcome(pod({"phase": "Pending", "conditions": conditions}), "base", "", NO_INTERRUPTION)
    assert outcome == Outcome("retry", f"no node could take the pod (Unschedulable): {message}")


def test_a_pod_that_is_gone_vanished() -> None:
    outcome = read_outcome(None, "base", "landed 3", NO_INTERRUPTION)
    assert outcome.then == "retry"
    assert outcome.sentence.startswith("the pod vanished")


def test_a_pod_that_is_being_deleted_was_deleted() -> None:
    outcome = read_outcome(pod(exited(143), deletionTimestamp="2026-03-09T00:00:00Z"), "base", "", NO_INTERRUPTION)
    assert outcome.sentence.startswith("the pod was deleted while it ran")


def test_a_timeout_says_so_whatever_the_pod_did() -> None:
    outcome = read_outcome(pod({"phase": "Running"}), "base", "", Interruption(AirflowTaskTimeout()))
    assert outcome.then == "retry"
    assert "execution_timeout" in outcome.sentence


def test_the_last_line_comes_from_the_status_when_the_log_was_not_read() -> None:
    tail = "2026-03-09 01:00:00,000 fitting\nrejected: empty\n"
    assert read_outcome(pod(exited(10, message=tail)), "base", "", NO_INTERRUPTION).sentence.startswith(
        "rejected: empty (exit 10: "
    )


def test_a_refusal_of_kubernetes_is_one_sentence_without_json() -> None:
    error = ApiException(status=403, reason="Forbidden")
    error.body = json.dumps({"kind": "Status", "message": "exceeded quota: nightshift"})
    outcome = read_call_failure(error)
    assert outcome.sentence == "Kubernetes refused the call (403 Forbidden): exceeded quota: nightshift"


def test_a_kubeconfig_that_is_missing_is_named() -> None:
    outcome = read_call_failure(ConfigException("Invalid kube-config file"))
    assert outcome.then == "retry"
    assert outcome.sentence.startswith("no way to Kubernetes: Invalid kube-config file. Set KUBECONFIG")


def test_a_disruption_names_its_reason() -> None:
    conditions = [
        {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "drained"}
    ]
    outcome = read_outcome(pod({**exited(143), "conditions": conditions}), "base", "", NO_INTERRUPTION)
    assert outcome == Outcome("retry", "the pod was stopped (EvictionByEvictionAPI): drained")


def test_a_missing_image_is_explained_by_the_runtime_when_the_status_only_waits() -> None:
    state = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "steps:9"'}}
    status = {"phase": "Pending", "containerStatuses": [_container(state)]}
    message = "Failed to pull image: steps:9: not found"
    assert read_outcome(pod(status), "base", "", NO_INTERRUPTION).then == "retry"
    assert read_outcome(pod(status), "base", "", Interruption(pull_message=message)) == Outcome(
        "fail", f"the pod could not start (ImagePullBackOff): {message}"
    )


def test_a_missing_configmap_is_tried_again() -> None:
    state = {"waiting": {"reason": "CreateContainerConfigError", "message": 'configmap "a" not found'}}
    outcome = read_outcome(
        pod({"phase": "Pending", "containerStatuses": [_container(state)]}), "base", "", NO_INTERRUPTION
    )
    assert outcome.then == "retry"


def test_a_pod_that_vanished_names_what_was_last_done_to_it() -> None:
    outcome = read_outcome(None, "base", "fitting", Interruption(event="Killing: Stopping container base"))
    assert outcome.sentence == (
        "the pod vanished: it was deleted, or its node was lost (Killing: Stopping container base); "
        "its last line was: fitting"
    )


def test_an_api_that_was_away_too_long_is_named_with_what_was_seen() -> None:
    outcome = read_call_failure(ApiUnavailable("Connection refused, for 300 s"))
    assert outcome.then == "retry"
    assert outcome.sentence.startswith(
        "the Kubernetes API does not answer: Connection refused, for 300 s. The next try"
    )


@pytest.mark.parametrize(("state", "when"), [({"running": {}}, "while it ran"), ({"waiting": {}}, "before it ran")])
def test_a_deleted_pod_whose_end_the_node_never_reported_was_deleted(state: dict[str, Any], when: str) -> None:
    status = {"phase": "Failed", "containerStatuses": [_container(state)]}
    outcome = read_outcome(pod(status, deletionTimestamp="2026-03-09T00:00:00Z"), "base", "", NO_INTERRUPTION)
    assert outcome == Outcome("retry", f"the pod was deleted {when}")
