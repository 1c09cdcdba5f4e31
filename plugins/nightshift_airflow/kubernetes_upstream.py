"""What leans on private members of Airflow's provider for Kubernetes, apache-airflow-providers-cncf-kubernetes.

Written for version 10.25.0. Each piece names the upstream issue, where there is one. When an upgrade makes a piece
needless or wrong, tests/plugins/test_kubernetes_upstream.py fails. `UpstreamPodOperator` gives private members names of
ours; no other module uses or overrides one.
"""

from collections.abc import Mapping
from math import inf
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

VERSION = "10.25.0"

REQUEST_TIMEOUT = "_request_timeout"
"""The option of every call of the Kubernetes client that limits how long it waits: seconds, or a pair of them.

The client documents it in spite of its underscore."""


def read_deadline(event: Mapping[str, Any]) -> float:
    """Returns when the `execution_timeout` of a deferred task is over, in seconds since the epoch; never: infinity.

    The trigger hands it on in its event since https://github.com/apache/airflow/pull/67229, under a private name.
    """
    return float(event.get("_execution_deadline", inf))


class UpstreamPodOperator(KubernetesPodOperator):  # type: ignore[misc]  # the provider publishes no types
    """The provider's operator, whose private members have names of ours."""

    _killed: bool

    @property
    def is_killed(self) -> bool:
        """Whether the task was killed. No public member says so; no upstream issue is known."""
        return self._killed

    def mark_killed(self) -> None:
        """Notes that the task was killed: `cleanup` then leaves the pod alone."""
        self._killed = True

    def make_label_selector(self, context: Any, *, exclude_checked: bool) -> str:
        """Returns the selector of all pods of this task, whichever try made them. No upstream issue is known."""
        return str(self._build_find_pod_label_selector(context, exclude_checked=exclude_checked))

    def write_logs(self, pod: k8s.V1Pod, *, follow: bool, since_time: Any) -> None:
        """Writes the log of a deferred task's pod into that of the task."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it writes the log of a deferred task's pod")

    def _write_logs(self, pod: k8s.V1Pod, follow: bool = False, since_time: Any = None) -> None:
        """Writes the log of a deferred task's pod as that of any other.

        The provider's own ignores `log_formatter`, and repeats all lines after a cut, as in
        https://github.com/apache/airflow/issues/39236.
        """
        self.write_logs(pod, follow=follow, since_time=since_time)

    def _get_pod_from_task_state_store(self, context: Any) -> k8s.V1Pod | None:
        """Returns the pod that an earlier process of this task has noted; None if it is being deleted.

        A pod that is being deleted may stay for minutes, if its node is lost, and never says how it ended:
        https://github.com/apache/airflow/issues/39096 (closed as stale) and #39702 (closed).
        """
        pod = super()._get_pod_from_task_state_store(context)
        return None if pod is None or pod.metadata.deletion_timestamp else pod
