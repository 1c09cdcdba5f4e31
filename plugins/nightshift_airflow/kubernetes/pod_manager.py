"""The provider's manager of pods, with other behaviour where its own makes a second pod or loses lines of a log."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from airflow.providers.cncf.kubernetes.utils.container import container_is_running
from airflow.providers.cncf.kubernetes.utils.pod_manager import (
    PodLaunchFailedException,
    PodLoggingStatus,
    PodManager,
    PodPhase,
)
from kubernetes.client import ApiException
from kubernetes.client import models as k8s

from nightshift_airflow.kubernetes.image_pull import FINAL_REASONS, PULL_REASONS, is_final
from nightshift_airflow.kubernetes.log_position import LogPosition
from nightshift_airflow.kubernetes_upstream import REQUEST_TIMEOUT

CONNECT_SECONDS, SILENCE_SECONDS = 10.0, 60.0
"""A log that is silent for longer is requested again: its stream may be dead without having been closed."""
READ_AFTER_END_SECONDS = 24 * 60 * 60
"""For how long the log of a container that has ended is read; the provider's two minutes may end in an outage."""
LATE_EVENT_SECONDS = 30.0
"""For how long the cause of a failed pull is waited for: a busy node reports its events that much later."""
BACK_OFF_WITHOUT_CAUSE = re.compile('Back-off pulling image "[^"]*"')
END_READS = 5
"""How often the end of a log is requested if its stream is cut each time."""
REMOVAL_REASONS = (
    "Killing",
    "Evicted",
    "Preempted",
    "TaintManagerEviction",
    "NodeNotReady",
    "NodeShutdown",
    "DeletingNode",
)
"""Reasons of the events that take a pod away. Nodes report many other things about a pod."""


class SinglePodManager(PodManager):  # type: ignore[misc]  # the provider publishes no types
    """Makes each pod once, reads each line of its log once, and waits for an image that may become available."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.positions: dict[tuple[str, str], LogPosition] = {}

    def run_pod_async(self, pod: k8s.V1Pod, **kwargs: Any) -> k8s.V1Pod:
        """Makes `pod`, or returns it if an earlier request has made it already.

        A creation that was not answered is repeated. The second request is refused because the name exists. The name
        ends in random characters, so that pod can only be the one that the first request made.
        """
        try:
            return super().run_pod_async(pod, **kwargs)
        except ApiException as error:
            if not _is_already_there(error):
                raise
            self.log.info("The pod was made by a request whose reply was lost")
            return self.read_pod(pod)

    async def await_pod_start(
        self, pod: k8s.V1Pod, schedule_timeout: int = 120, startup_timeout: int = 120, check_interval: float = 1
    ) -> None:
        """Returns once `pod` has started; waits for its image until `startup_timeout` after the first refusal.

        All times are in seconds. Raises the provider's exceptions if the pod cannot start, or takes longer.
        """
        end, seconds_left = None, startup_timeout
        while True:
            try:
                await super().await_pod_start(pod, schedule_timeout, seconds_left, check_interval)
            except PodLaunchFailedException:
                end = end or time.monotonic() + startup_timeout
                seconds_left = max(1, int(end - time.monotonic()))
                if not await self._wait_for_image(pod, end, check_interval):
                    raise
            else:
                return

    async def _wait_for_image(self, pod: k8s.V1Pod, end: float, interval: float) -> bool:
        """Waits while the pull fails for a reason that may pass; False if the reason is final, or at `end`."""
        logged = ""
        while time.monotonic() < end:
            current = self.read_pod(pod)
            problem = self.find_pull_problem(current)
            if problem is None:
                return bool(current.status.phase != "Failed")
            if is_final(*problem):
                return False
            if problem[1] != logged:
                logged = problem[1]
                self.log.warning("The image cannot be pulled yet, waiting for it: %s", logged)
            await asyncio.sleep(interval)
        return False

    def find_pull_problem(self, pod: k8s.V1Pod) -> tuple[str, str] | None:
        """Returns why the image of a waiting container of `pod` is missing: the reason and the runtime's message."""
        statuses = pod.status.container_statuses or []
        waiting_states = [status.state.waiting for status in statuses if status.state and status.state.waiting]
        for state in waiting_states:
            if state.reason in (*PULL_REASONS, *FINAL_REASONS):
                # Between two attempts older nodes only report that they wait; the events still have the cause.
                return state.reason, self._find_pull_event(pod) or state.message or "no message"
        return None

    def await_pull_problem(self, pod: k8s.V1Pod, seconds: float = LATE_EVENT_SECONDS) -> tuple[str, str] | None:
        """Returns `find_pull_problem` as soon as it has a cause; after `seconds`, or without the pod, what it has."""
        end = time.monotonic() + seconds
        problem = self.find_pull_problem(pod)
        while problem and BACK_OFF_WITHOUT_CAUSE.fullmatch(problem[1]) and time.monotonic() < end:
            time.sleep(1)
            try:
                problem = self.find_pull_problem(self.read_pod(pod))
            except ApiException as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                break
        return problem

    def _find_pull_event(self, pod: k8s.V1Pod) -> str:
        failures = [event for event in self._read_events(pod) if event.message.startswith("Failed to pull image")]
        return str(failures[-1].message) if failures else ""

    def find_removal_event(self, pod: k8s.V1Pod) -> str:
        """Returns the last event by which Kubernetes took `pod` away, "" if there is none."""
        removals = [event for event in self._read_events(pod) if event.reason in REMOVAL_REASONS]
        return f"{removals[-1].reason}: {removals[-1].message}" if removals else ""

    def _read_events(self, pod: k8s.V1Pod) -> list[Any]:
        """Returns the events of `pod`, in the order in which they last happened."""
        events = [event for event in self.read_pod_events(pod).items if event.message]
        never = datetime.min.replace(tzinfo=UTC)
        return sorted(events, key=lambda event: event.last_timestamp or event.event_time or never)

    def container_is_running(self, pod: k8s.V1Pod, container_name: str) -> bool:
        """Returns whether a container runs. False once the pod has finished, even if its container status is stale.

        A node that ends a pod at its deadline may never correct the state of the container.
        """
        current = self.read_pod(pod)
        is_finished = current.status.phase in PodPhase.terminal_states
        return not is_finished and bool(container_is_running(current, container_name))

    def fetch_container_logs(
        self, pod: k8s.V1Pod, container_name: str, *, follow: bool = False, **options: Any
    ) -> PodLoggingStatus:
        """Follows a log, and then reads what was written between a cut and the container's end."""
        status = super().fetch_container_logs(pod, container_name, follow=follow, **options)
        for _ in range(END_READS if follow else 0):
            status = super().fetch_container_logs(pod, container_name, follow=False, **options)
            if self._get_position(pod, container_name).is_whole:
                break
        return status

    def read_pod_logs(self, pod: k8s.V1Pod, container_name: str, **options: Any) -> Iterator[bytes]:
        """Returns the lines of a log that were not read yet."""
        position = self._get_position(pod, container_name)
        options["since_seconds"] = position.compute_since_seconds(datetime.now(UTC))
        options["post_termination_timeout"] = READ_AFTER_END_SECONDS
        options[REQUEST_TIMEOUT] = (CONNECT_SECONDS, SILENCE_SECONDS)
        return position.select_unread(super().read_pod_logs(pod, container_name, **options))

    def _get_position(self, pod: k8s.V1Pod, container_name: str) -> LogPosition:
        return self.positions.setdefault((pod.metadata.name, container_name), LogPosition())


def _is_already_there(error: ApiException) -> bool:
    try:
        return bool(error.status == 409 and json.loads(error.body)["reason"] == "AlreadyExists")
    except (TypeError, ValueError, KeyError):
        return False
