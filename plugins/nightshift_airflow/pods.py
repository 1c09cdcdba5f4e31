"""The conversation with Kubernetes about pods, where the provider's own would go wrong."""

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

from nightshift_airflow import pulling
from nightshift_airflow.following import Position

CONNECTING, SILENCE = 10.0, 60.0
"""Seconds. A log that is silent for longer is asked for again: its stream may be dead without having been closed."""
AFTER_THE_END = 24 * 60 * 60
"""Seconds for which the log of a container that has ended is read; the provider's two minutes end in an outage."""
EVENTS_LATE = 30.0
"""Seconds for which the reason of a failed pull is waited for: a busy node reports its events that much later."""
ONLY_WAITS = re.compile('Back-off pulling image "[^"]*"')
READS = 5
"""How often the end of a log is asked for, when its stream is cut each time."""
ENDING = ("Killing", "Evicted", "Preempted", "TaintManagerEviction", "NodeNotReady", "NodeShutdown", "DeletingNode")
"""Reasons of events that take a pod away; nodes report many things about one besides."""


class OnePodManager(PodManager):  # type: ignore[misc]  # the provider publishes no types
    """Makes each pod once, reads each line of its log once, and waits for an image that may come."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.positions: dict[tuple[str, str], Position] = {}

    def run_pod_async(self, pod: k8s.V1Pod, **kwargs: Any) -> k8s.V1Pod:
        """Makes `pod`, or returns it when an earlier request already did.

        A creation that was not answered is repeated. The second request is then told that the name exists, and because
        the name ends in random characters, that pod can only be the one the first request made.
        """
        try:
            return super().run_pod_async(pod, **kwargs)
        except ApiException as error:
            if not _exists(error):
                raise
            self.log.info("The pod was made by a request whose reply was lost")
            return self.read_pod(pod)

    async def await_pod_start(
        self, pod: k8s.V1Pod, schedule_timeout: int = 120, startup_timeout: int = 120, check_interval: float = 1
    ) -> None:
        """Returns once `pod` has started; an image may come until `startup_timeout` after it was first refused.

        All in seconds. Raises the provider's exceptions when it never will, or takes longer.
        """
        end, left = None, startup_timeout
        while True:
            try:
                await super().await_pod_start(pod, schedule_timeout, left, check_interval)
            except PodLaunchFailedException:
                end = end or time.monotonic() + startup_timeout
                left = max(1, int(end - time.monotonic()))
                if not await self._image_may_come(pod, end, check_interval):
                    raise
            else:
                return

    async def _image_may_come(self, pod: k8s.V1Pod, end: float, interval: float) -> bool:
        """Waits while the pull is refused in a way that may pass; False when it will not, or at `end`."""
        said = ""
        while time.monotonic() < end:
            now = self.read_pod(pod)
            problem = self.pull_problem(now)
            if problem is None:
                return bool(now.status.phase != "Failed")
            if pulling.is_final(*problem):
                return False
            if problem[1] != said:
                said = problem[1]
                self.log.warning("The image cannot be pulled yet, waiting for it: %s", said)
            await asyncio.sleep(interval)
        return False

    def pull_problem(self, pod: k8s.V1Pod) -> tuple[str, str] | None:
        """Why the image of a waiting container of `pod` is not there: the reason, and the runtime's words."""
        statuses = pod.status.container_statuses or []
        waiting = [status.state.waiting for status in statuses if status.state and status.state.waiting]
        for state in waiting:
            if state.reason in (*pulling.PULLING, *pulling.HOPELESS):
                # Between two attempts older nodes say only that they wait; the events still say why.
                return state.reason, self._pull_event(pod) or state.message or "no message"
        return None

    def await_pull_problem(self, pod: k8s.V1Pod, seconds: float = EVENTS_LATE) -> tuple[str, str] | None:
        """`pull_problem`, once it says more than that the node waits; what it says by then after `seconds`."""
        end = time.monotonic() + seconds
        problem = self.pull_problem(pod)
        while problem and ONLY_WAITS.fullmatch(problem[1]) and time.monotonic() < end:
            time.sleep(1)
            try:
                problem = self.pull_problem(self.read_pod(pod))
            except ApiException as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                break
        return problem

    def _pull_event(self, pod: k8s.V1Pod) -> str:
        failed = [event for event in self._events(pod) if event.message.startswith("Failed to pull image")]
        return str(failed[-1].message) if failed else ""

    def last_event(self, pod: k8s.V1Pod) -> str:
        """The last thing that Kubernetes did to take `pod` away, "" when it says nothing."""
        found = [event for event in self._events(pod) if event.reason in ENDING]
        return f"{found[-1].reason}: {found[-1].message}" if found else ""

    def _events(self, pod: k8s.V1Pod) -> list[Any]:
        """The events of `pod`, in the order in which they last happened."""
        events = [event for event in self.read_pod_events(pod).items if event.message]
        never = datetime.min.replace(tzinfo=UTC)
        return sorted(events, key=lambda event: event.last_timestamp or event.event_time or never)

    def container_is_running(self, pod: k8s.V1Pod, container_name: str) -> bool:
        """Whether a container runs. None does in a pod that has ended, whatever an old node still says of it.

        A node that ends a pod at its deadline may never correct the state of the container.
        """
        now = self.read_pod(pod)
        return now.status.phase not in PodPhase.terminal_states and bool(container_is_running(now, container_name))

    def fetch_container_logs(
        self, pod: k8s.V1Pod, container_name: str, *, follow: bool = False, **options: Any
    ) -> PodLoggingStatus:
        """Follows a log, and then reads what was written between a cut and the container's end."""
        status = super().fetch_container_logs(pod, container_name, follow=follow, **options)
        for _ in range(READS if follow else 0):
            status = super().fetch_container_logs(pod, container_name, follow=False, **options)
            if self._position(pod, container_name).is_whole:
                break
        return status

    def read_pod_logs(self, pod: k8s.V1Pod, container_name: str, **options: Any) -> Iterator[bytes]:
        """The lines that were not read yet."""
        position = self._position(pod, container_name)
        options["since_seconds"] = position.since_seconds(datetime.now(UTC))
        options["post_termination_timeout"] = AFTER_THE_END
        options["_request_timeout"] = (CONNECTING, SILENCE)
        return position.unread(super().read_pod_logs(pod, container_name, **options))

    def _position(self, pod: k8s.V1Pod, container_name: str) -> Position:
        return self.positions.setdefault((pod.metadata.name, container_name), Position())


def _exists(error: ApiException) -> bool:
    try:
        return bool(error.status == 409 and json.loads(error.body)["reason"] == "AlreadyExists")
    except (TypeError, ValueError, KeyError):
        return False
