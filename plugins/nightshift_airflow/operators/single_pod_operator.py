"""The operator that has one pod at a time: the next try finds it again, and takes away what earlier tries left.

A try may be followed by another one while its own process still lives, cut off from Airflow. So whoever takes a pod
over writes its number on it, and an older try leaves the pod alone from then on.
"""

from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodPhase
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import ApiException
from kubernetes.client import models as k8s

from nightshift_airflow.kubernetes import api_retries as patience
from nightshift_airflow.kubernetes.pod_manager import OnePodManager
from nightshift_airflow.kubernetes.retrying_client import PatientHook

TRY = "try_number"
"""The provider's label: the try that made the pod."""
FOLLOWED_BY = "nightshift-followed-by"
"""Our label: the try that took the pod over."""


class OnePodOperator(KubernetesPodOperator):  # type: ignore[misc]  # the provider publishes no types
    """Makes, finds, and removes the pod of a task."""

    _killed: bool
    annotations: dict[str, str]
    try_number = 1
    first_try = 1
    is_choosing = False

    @cached_property
    def hook(self) -> PatientHook:
        """The way to the cluster, which waits out an API that is away."""
        return PatientHook(
            conn_id=self.kubernetes_conn_id,
            in_cluster=self.in_cluster,
            config_file=self.config_file,
            cluster_context=self.cluster_context,
        )

    @cached_property
    def pod_manager(self) -> OnePodManager:
        """The manager that never makes a second pod."""
        return OnePodManager(kube_client=self.client, callbacks=self.callbacks)

    def remember_try(self, context: Any) -> None:
        """Notes which try this is, and which was the first since the task was last cleared."""
        task_instance = context["ti"]
        self.try_number = task_instance.try_number
        self.first_try = max(1, task_instance.max_tries - (self.retries or 0) + 1)

    def get_or_create_pod(self, pod_request_obj: k8s.V1Pod, context: Any) -> k8s.V1Pod:
        """The pod of this task; one that was made while the task was being killed is deleted at once."""
        self.is_choosing = True
        found = super().get_or_create_pod(pod_request_obj, context)
        self.is_choosing = False
        if self._killed:
            self.pod = found
            super().on_kill()
            raise AirflowException("killed while the pod was being made")
        if self.try_number > 1:
            self._take_over(found)
            self._remove_what_ended(found, context)
        return found

    def find_pod(self, namespace: str, context: Any, *, exclude_checked: bool = True) -> k8s.V1Pod | None:
        """The pod of this task. One that is being deleted is none any more: its node may never say that it is gone."""
        living = sorted(self._pods(namespace, context, exclude_checked), key=_made)
        for older in living[:-1]:
            self.log.warning("Pod %s is of this task, too, and older: it is deleted", older.metadata.name)
            self.pod_manager.delete_pod(older)
        return living[-1] if living else None

    def process_pod_deletion(self, pod: k8s.V1Pod, *, reraise: bool = True) -> bool:
        """Deletes a pod, unless it is of use: to a later try that follows it, or to this one because it succeeded."""
        if pod is not None and _followed_by(pod) > self.try_number:
            self.log.info("Pod %s is left to the try that follows it now", pod.metadata.name)
            return False
        if self.is_choosing and pod is not None and self._has_done_the_work(pod):
            self.log.info("Pod %s of an earlier try has succeeded: its work is not repeated", pod.metadata.name)
            return False
        return bool(super().process_pod_deletion(pod, reraise=reraise))

    def on_kill(self) -> None:
        """Deletes the pod, also one whose creation has not been answered yet; not one that a later try follows."""
        self.pod = self.pod or self.pod_request_obj
        try:
            if self._belongs_to_a_later_try():
                self._killed = True
                self.log.info("The pod is left to the try that follows it now")
                return
            super().on_kill()
        except patience.Away as error:
            self._killed = True
            self.log.error("The pod could not be deleted, because the Kubernetes API does not answer: %s", error)

    def last_seen(self, known: k8s.V1Pod | None) -> k8s.V1Pod | None:
        """The pod as it is now, for its reasons; None when it is gone, or never was."""
        ended = known and known.status and known.status.phase in PodPhase.terminal_states
        if known is None or self._killed or ended:
            return known
        try:
            return self.client.read_namespaced_pod(known.metadata.name, known.metadata.namespace)
        except ApiException as error:
            return None if error.status == 404 else known

    def _get_pod_from_task_state_store(self, context: Any) -> k8s.V1Pod | None:
        found = super()._get_pod_from_task_state_store(context)
        return None if found is None or found.metadata.deletion_timestamp else found

    def _pods(self, namespace: str, context: Any, exclude_checked: bool) -> list[k8s.V1Pod]:
        """The pods of this task that no later try made, without those that are being deleted."""
        selector = self._build_find_pod_label_selector(context, exclude_checked=exclude_checked)
        found = self.client.list_namespaced_pod(namespace, label_selector=selector).items
        return [pod for pod in found if not pod.metadata.deletion_timestamp and _made_by(pod) <= self.try_number]

    def _has_done_the_work(self, pod: k8s.V1Pod) -> bool:
        """Whether a try since the task was last cleared made `pod`, and it succeeded."""
        return pod.status.phase == PodPhase.SUCCEEDED and _made_by(pod) >= self.first_try

    def _take_over(self, pod: k8s.V1Pod) -> None:
        """Writes the number of this try on a pod that an earlier one made."""
        if _made_by(pod) in (0, self.try_number):
            return
        body = {"metadata": {"labels": {FOLLOWED_BY: str(self.try_number)}}}
        with suppress(ApiException):  # without it an older try that still lives could delete the pod: it is tried again
            self.client.patch_namespaced_pod(pod.metadata.name, pod.metadata.namespace, body)

    def _remove_what_ended(self, kept: k8s.V1Pod, context: Any) -> None:
        """Deletes the ended pods of earlier tries, whose workers died before they could."""
        with suppress(ApiException):  # they are in nobody's way
            for pod in self._pods(kept.metadata.namespace, context, exclude_checked=False):
                if pod.metadata.name != kept.metadata.name and pod.status.phase in PodPhase.terminal_states:
                    self.log.info("Pod %s of an earlier try has ended: it is deleted", pod.metadata.name)
                    self.pod_manager.delete_pod(pod)

    def _belongs_to_a_later_try(self) -> bool:
        if self.pod is None:
            return False
        try:
            now = self.client.read_namespaced_pod(self.pod.metadata.name, self.pod.metadata.namespace)
        except ApiException:
            return False
        return _followed_by(now) > self.try_number


def _made(found: k8s.V1Pod) -> tuple[datetime, str]:
    return found.metadata.creation_timestamp, found.metadata.name


def _made_by(pod: k8s.V1Pod) -> int:
    """The try that made a pod, 0 when it does not say."""
    return _number(pod, TRY)


def _followed_by(pod: k8s.V1Pod) -> int:
    """The try that took a pod over, 0 when none did."""
    return _number(pod, FOLLOWED_BY)


def _number(pod: k8s.V1Pod, label: str) -> int:
    text = (pod.metadata.labels or {}).get(label, "")
    return int(text) if text.isascii() and text.isdecimal() else 0
