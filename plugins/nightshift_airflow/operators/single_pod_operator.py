"""The operator that has one pod at a time: the next try finds it again, and deletes what earlier tries left.

The next try may begin while the process of the last one still runs, cut off from Airflow. So a try that takes over a
pod writes its number on it, and an older try leaves the pod alone from then on.
"""

from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any

from airflow.providers.cncf.kubernetes.utils.pod_manager import PodPhase
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import ApiException
from kubernetes.client import models as k8s

from nightshift_airflow.kubernetes.api_retries import ApiUnavailable
from nightshift_airflow.kubernetes.pod_manager import SinglePodManager
from nightshift_airflow.kubernetes.retrying_client import RetryingHook
from nightshift_airflow.kubernetes_upstream import UpstreamPodOperator

TRY_LABEL = "try_number"
"""The provider's label: the try that made the pod."""
FOLLOWED_BY_LABEL = "nightshift-followed-by"
"""Our label: the try that took the pod over."""


class SinglePodOperator(UpstreamPodOperator):
    """Makes, finds, and deletes the pod of a task."""

    annotations: dict[str, str]
    try_number = 1
    first_try = 1
    is_choosing = False

    @cached_property
    def hook(self) -> RetryingHook:
        """The connection to the cluster, which waits out an API that is unavailable."""
        return RetryingHook(
            conn_id=self.kubernetes_conn_id,
            in_cluster=self.in_cluster,
            config_file=self.config_file,
            cluster_context=self.cluster_context,
        )

    @cached_property
    def pod_manager(self) -> SinglePodManager:
        """The manager that never makes a second pod."""
        return SinglePodManager(kube_client=self.client, callbacks=self.callbacks)

    def remember_try(self, context: Any) -> None:
        """Notes which try this is, and which was the first since the task was last cleared."""
        task_instance = context["ti"]
        self.try_number = task_instance.try_number
        self.first_try = max(1, task_instance.max_tries - (self.retries or 0) + 1)

    def get_or_create_pod(self, pod_request_obj: k8s.V1Pod, context: Any) -> k8s.V1Pod:
        """Returns the pod of this task. If the task was killed meanwhile, deletes the pod and raises."""
        self.is_choosing = True
        pod = super().get_or_create_pod(pod_request_obj, context)
        self.is_choosing = False
        if self.is_killed:
            self.pod = pod
            super().on_kill()
            raise AirflowException("killed while the pod was being made")
        if self.try_number > 1:
            self._take_over(pod)
            self._delete_finished_pods(pod, context)
        return pod

    def find_pod(self, namespace: str, context: Any, *, exclude_checked: bool = True) -> k8s.V1Pod | None:
        """Returns the pod of this task, None if there is none; deletes older ones.

        A pod that is being deleted does not count: its node may never report that it is gone.
        """
        pods = sorted(self._list_pods(namespace, context, exclude_checked), key=_get_age)
        for older in pods[:-1]:
            self.log.warning("Pod %s is of this task too, and older: it is deleted", older.metadata.name)
            self.pod_manager.delete_pod(older)
        return pods[-1] if pods else None

    def process_pod_deletion(self, pod: k8s.V1Pod, *, reraise: bool = True) -> bool:
        """Deletes a pod, unless a later try follows it, or this try may use it because it has succeeded."""
        if pod is not None and _read_following_try(pod) > self.try_number:
            self.log.info("Pod %s is left to the try that follows it now", pod.metadata.name)
            return False
        if self.is_choosing and pod is not None and self._has_done_the_work(pod):
            self.log.info("Pod %s of an earlier try has succeeded: its work is not repeated", pod.metadata.name)
            return False
        return bool(super().process_pod_deletion(pod, reraise=reraise))

    def on_kill(self) -> None:
        """Deletes the pod, even if its creation has not been answered yet; but not if a later try follows it."""
        self.pod = self.pod or self.pod_request_obj
        try:
            if self._is_of_later_try():
                self.mark_killed()
                self.log.info("The pod is left to the try that follows it now")
                return
            super().on_kill()
        except ApiUnavailable as error:
            self.mark_killed()
            self.log.error("The pod could not be deleted, because the Kubernetes API does not answer: %s", error)

    def read_current(self, known: k8s.V1Pod | None) -> k8s.V1Pod | None:
        """Returns the pod as it is now, for its reasons; None if it is gone, or never was."""
        is_finished = known and known.status and known.status.phase in PodPhase.terminal_states
        if known is None or self.is_killed or is_finished:
            return known
        try:
            return self.client.read_namespaced_pod(known.metadata.name, known.metadata.namespace)
        except ApiException as error:
            return None if error.status == 404 else known

    def _list_pods(self, namespace: str, context: Any, exclude_checked: bool) -> list[k8s.V1Pod]:
        """Returns the pods of this task that no later try made, without those that are being deleted."""
        selector = self.make_label_selector(context, exclude_checked=exclude_checked)
        pods = self.client.list_namespaced_pod(namespace, label_selector=selector).items
        return [pod for pod in pods if not pod.metadata.deletion_timestamp and _read_making_try(pod) <= self.try_number]

    def _has_done_the_work(self, pod: k8s.V1Pod) -> bool:
        """Returns whether a try since the task was last cleared made `pod`, and the pod succeeded."""
        return pod.status.phase == PodPhase.SUCCEEDED and _read_making_try(pod) >= self.first_try

    def _take_over(self, pod: k8s.V1Pod) -> None:
        """Writes the number of this try on a pod that an earlier one made."""
        if _read_making_try(pod) in (0, self.try_number):
            return
        body = {"metadata": {"labels": {FOLLOWED_BY_LABEL: str(self.try_number)}}}
        with suppress(ApiException):  # an older try that still runs could then delete the pod, and the task is retried
            self.client.patch_namespaced_pod(pod.metadata.name, pod.metadata.namespace, body)

    def _delete_finished_pods(self, kept_pod: k8s.V1Pod, context: Any) -> None:
        """Deletes the finished pods of earlier tries, whose workers died before they could."""
        with suppress(ApiException):  # they disturb nothing
            for pod in self._list_pods(kept_pod.metadata.namespace, context, exclude_checked=False):
                if pod.metadata.name != kept_pod.metadata.name and pod.status.phase in PodPhase.terminal_states:
                    self.log.info("Pod %s of an earlier try has ended: it is deleted", pod.metadata.name)
                    self.pod_manager.delete_pod(pod)

    def _is_of_later_try(self) -> bool:
        if self.pod is None:
            return False
        try:
            current = self.client.read_namespaced_pod(self.pod.metadata.name, self.pod.metadata.namespace)
        except ApiException:
            return False
        return _read_following_try(current) > self.try_number


def _get_age(pod: k8s.V1Pod) -> tuple[datetime, str]:
    return pod.metadata.creation_timestamp, pod.metadata.name


def _read_making_try(pod: k8s.V1Pod) -> int:
    """Returns the try that made a pod, 0 if its label does not say."""
    return _read_number(pod, TRY_LABEL)


def _read_following_try(pod: k8s.V1Pod) -> int:
    """Returns the try that took over a pod, 0 if none did."""
    return _read_number(pod, FOLLOWED_BY_LABEL)


def _read_number(pod: k8s.V1Pod, label: str) -> int:
    text = (pod.metadata.labels or {}).get(label, "")
    return int(text) if text.isascii() and text.isdecimal() else 0
