"""What is said of an image that cannot be pulled, by a node whose events come late."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiException
from kubernetes.client import models as k8s

from nightshift_airflow.kubernetes import pod_manager
from nightshift_airflow.kubernetes.pod_manager import SinglePodManager

WAITS = 'Back-off pulling image "registry.example/steps:9"'
REFUSED = 'Failed to pull image "registry.example/steps:9": dial tcp 10.0.0.7:443: connect: connection refused'


def pod(message: str) -> k8s.V1Pod:
    waiting = k8s.V1ContainerStateWaiting(reason="ImagePullBackOff", message=message)
    status = k8s.V1ContainerStatus(
        name="base", image="", image_id="", ready=False, restart_count=0, state=k8s.V1ContainerState(waiting=waiting)
    )
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(name="steps", namespace="nightshift"),
        status=k8s.V1PodStatus(phase="Pending", container_statuses=[status]),
    )


class Api:
    """Kubernetes: its node reports a failed pull after `late` reads of the pod, and the pod is gone after `lives`."""

    def __init__(self, late: int = 99, lives: int = 99) -> None:
        self.late, self.lives, self.reads = late, lives, 0

    def read_namespaced_pod(self, _name: str, _namespace: str) -> k8s.V1Pod:
        self.reads += 1
        if self.reads > self.lives:
            raise ApiException(status=404)
        return pod(WAITS)

    def list_namespaced_event(self, **_options: Any) -> Any:
        event = SimpleNamespace(message=REFUSED, reason="Failed", last_timestamp=datetime.now(UTC), event_time=None)
        return SimpleNamespace(items=[event] if self.reads >= self.late else [])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that only sleeping moves."""
    made = SimpleNamespace(now=0.0)
    made.monotonic = lambda: made.now
    made.sleep = lambda seconds: setattr(made, "now", made.now + seconds)
    monkeypatch.setattr(pod_manager, "time", made)
    return made


def test_the_reason_of_a_failed_pull_is_waited_for(clock: SimpleNamespace) -> None:
    problem = SinglePodManager(kube_client=Api(late=7)).await_pull_problem(pod(WAITS))
    assert problem == ("ImagePullBackOff", REFUSED)
    assert clock.now == 7


def test_a_reason_that_never_comes_is_not_waited_for_any_longer(clock: SimpleNamespace) -> None:
    problem = SinglePodManager(kube_client=Api()).await_pull_problem(pod(WAITS))
    assert problem == ("ImagePullBackOff", WAITS)
    assert clock.now == pod_manager.LATE_EVENT_SECONDS


def test_a_state_that_says_why_is_believed_at_once(clock: SimpleNamespace) -> None:
    sentence = f"{WAITS}: ErrImagePull: registry.example/steps:9: not found"  # nodes since Kubernetes 1.32
    assert SinglePodManager(kube_client=Api()).await_pull_problem(pod(sentence)) == ("ImagePullBackOff", sentence)
    assert clock.now == 0


@pytest.mark.usefixtures("clock")
def test_a_pod_that_goes_meanwhile_is_not_waited_for() -> None:
    assert SinglePodManager(kube_client=Api(lives=2)).await_pull_problem(pod(WAITS)) == ("ImagePullBackOff", WAITS)
