"""How a step's pod ended, in one sentence for people, and what Airflow does about it.

A pure reading of the pod as Kubernetes last reported it. The exit codes are those of `nightshift.errors`.
"""

import errno
from dataclasses import dataclass, field
from typing import Literal

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, AirflowTaskTimeout
from kubernetes.client import ApiException
from kubernetes.client import models as k8s
from kubernetes.config import ConfigException

from nightshift.errors import BUG, BadConfig, DataRejected, NothingToDo, TryLater
from nightshift_airflow.kubernetes.api_retries import ApiUnavailable, read_message
from nightshift_airflow.kubernetes.image_pull import is_final
from nightshift_airflow.runs.retry_policy import mark_lost

Next = Literal["skip", "fail", "retry"]

EXITS: dict[int, tuple[Next, str]] = {
    NothingToDo.exit_code: ("skip", "a decision left nothing to do"),
    DataRejected.exit_code: ("fail", "the data was rejected: fix the data, then clear the task"),
    BadConfig.exit_code: ("fail", "the configuration is wrong: fix it, then clear the task"),
    TryLater.exit_code: ("retry", "an outside system failed: worth another try"),
    # Retried, because nobody knows yet what it is, and steps may be repeated: a night is worth the minutes.
    BUG: ("retry", "a bug, or a failure that no one has classified yet"),
}
SIGNALS = {137: ("killed", "SIGKILL"), 143: ("ended", "SIGTERM")}
"""Exit codes of a process that was ended from outside of its pod. A memory limit has a reason of its own."""
OWN_DISK_MESSAGES = (
    "ephemeral local storage usage exceeds",
    "ephemeral local storage limit",
    "Usage of EmptyDir volume",
)
"""The messages of a node that evicts a pod for what the pod itself wrote, and not because the node is full."""
CODE_LOST = "CodeSnapshotLost"
"""The reason of the embedded cluster if it no longer has the code that the run began with: no other try finds it."""
DISK_FULL_MESSAGES = ("No space left on device", "Errno 28", "database or disk is full")


@dataclass(frozen=True)
class Interruption:
    """What is known of a pod's end besides the pod itself.

    `error` is what interrupted the waiting, if anything did; `timed_out`: the task's time was up; `event` is the event
    by which Kubernetes took the pod away; `pull_message` is why its image is missing, as the runtime reports it.
    """

    error: BaseException | None = None
    timed_out: bool = False
    event: str = ""
    pull_message: str = ""


@dataclass(frozen=True)
class Outcome:
    """What Airflow does next, and the sentence that says why.

    `lost`: the step did not fail, infrastructure took its pod away; `runs.retry_policy` does not count the try.
    """

    then: Next
    sentence: str
    lost: bool = field(default=False, compare=False)

    def make_error(self) -> AirflowException:
        """Returns the exception that makes Airflow do it."""
        kinds = {"skip": AirflowSkipException, "fail": AirflowFailException, "retry": AirflowException}
        error = kinds[self.then](self.sentence)
        return mark_lost(error) if self.lost else error


def _make_lost(sentence: str) -> Outcome:
    return Outcome("retry", sentence, lost=True)


def read_outcome(pod: k8s.V1Pod | None, container: str, last_line: str, interruption: Interruption) -> Outcome:
    """Returns how `pod` ended; None: it does not exist any more.

    `container` is the name of the step's container, `last_line` the last line of its log as far as it was read.
    """
    if interruption.timed_out or isinstance(interruption.error, AirflowTaskTimeout):
        return Outcome(
            "retry", f"the task outlasted its execution_timeout: its pod was deleted{_append_line(last_line)}"
        )
    if pod is None:
        event = f" ({interruption.event})" if interruption.event else ""
        return _make_lost(f"the pod vanished: it was deleted, or its node was lost{event}{_append_line(last_line)}")
    if stopped := _read_stopped(pod):
        return stopped
    if state := _find_terminated(pod, container):
        return _read_exit(pod, container, state, last_line or _find_status_line(state))
    if pod.metadata.deletion_timestamp:
        when = "while it ran" if last_line or _is_running(pod, container) else "before it ran"
        return _make_lost(f"the pod was deleted {when}{_append_line(last_line)}")
    return _read_not_started(pod, container, last_line, interruption)


def read_call_failure(error: Exception) -> Outcome:
    """Returns how a step ended whose pod was never made: Kubernetes refused it, or did not answer."""
    if full := next((mark for mark in DISK_FULL_MESSAGES if mark in str(error)), None):
        return _make_lost(f"disk full on the machine of Kubernetes ({full}): make room there, then clear the task")
    if isinstance(error, ConfigException):
        return Outcome("retry", f"no way to Kubernetes: {error}. Set KUBECONFIG, or run Airflow inside the cluster")
    if isinstance(error, ApiUnavailable):
        return Outcome(
            "retry", f"the Kubernetes API does not answer: {error}. The next try finds the pod, if there is one"
        )
    if not isinstance(error, ApiException):
        return Outcome("retry", f"the Kubernetes API does not answer: {type(error).__name__}: {error}")
    message = read_message(error) or "no message"
    return Outcome("retry", f"Kubernetes refused the call ({error.status} {error.reason}): {message}")


def read_full_disk(error: BaseException) -> Outcome | None:
    """Returns how a task ended if Airflow's own machine has no room left; None if `error` is something else."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return _make_lost("disk full on Airflow's machine: make room there; the next try finds the pod, if there is one")


def _read_stopped(pod: k8s.V1Pod) -> Outcome | None:
    """Returns the outcome that the pod's own status names, whatever its container did; None if it names none."""
    if pod.status.reason == "DeadlineExceeded":
        return Outcome("retry", f"out of time: the step's limit is {pod.spec.active_deadline_seconds} s")
    if pod.status.reason and pod.status.phase == "Failed":
        return _read_stop_reason(pod.status.reason, pod.status.message or "no message")
    for condition in pod.status.conditions or []:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return _read_stop_reason(condition.reason, condition.message or "no message")
    return None


def _read_stop_reason(reason: str, message: str) -> Outcome:
    """Returns the outcome of a pod that its node stopped: for what the pod wrote, or because the node is full."""
    if any(mark in message for mark in OWN_DISK_MESSAGES):
        return Outcome("retry", f"disk full: the step wrote more than its pod may ({reason}: {message})")
    if reason == CODE_LOST:
        return Outcome("fail", f"the pod was stopped ({reason}): {message}")
    full = "disk full on its node: " if "ephemeral-storage" in message else ""
    return _make_lost(f"{full}the pod was stopped ({reason}): {message}")


def _read_exit(pod: k8s.V1Pod, container: str, state: k8s.V1ContainerStateTerminated, last_line: str) -> Outcome:
    if state.reason == "OOMKilled":
        return Outcome("retry", f"out of memory: limit {_find_memory_limit(pod, container)}{_append_line(last_line)}")
    if state.exit_code in EXITS:
        then, meaning = EXITS[state.exit_code]
        full = "disk full: " if any(mark in last_line for mark in DISK_FULL_MESSAGES) else ""
        return Outcome(then, f"{full}{last_line or meaning} (exit {state.exit_code}: {meaning})")
    if pod.metadata.deletion_timestamp:
        return _make_lost(f"the pod was deleted while it ran{_append_line(last_line)}")
    if state.reason == "ContainerStatusUnknown":
        return _make_lost(f"the node lost the step's container, and does not know how it ended: {state.message}")
    if state.exit_code in SIGNALS:
        verb, signal = SIGNALS[state.exit_code]
        if verb == "ended" and last_line:  # the step had time to say what it was doing
            return _make_lost(f"{last_line} (exit {state.exit_code}: ended from outside ({signal}))")
        known = "Kubernetes does not say by what, nor that memory was short"
        cause = f"the step's process was {verb} from outside (exit {state.exit_code}: {signal}); {known}"
        return _make_lost(f"{cause}{_append_line(last_line)}")
    return Outcome("retry", f"{last_line or state.reason} (exit {state.exit_code}: not an exit code of a step)")


def _read_not_started(pod: k8s.V1Pod, container: str, last_line: str, interruption: Interruption) -> Outcome:
    """Returns why a container has no exit code: its image, its configuration, no node, or no contact."""
    status = _find_status(pod, container)
    waiting = status.state.waiting if status and status.state else None
    if waiting and waiting.reason not in (None, "ContainerCreating", "PodInitializing"):
        message = interruption.pull_message or waiting.message or "no message"
        then: Next = "fail" if is_final(waiting.reason, message) else "retry"
        return Outcome(then, f"the pod could not start ({waiting.reason}): {' '.join(message.split())}")
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return Outcome("retry", f"no node could take the pod ({condition.reason}): {condition.message}")
    if pod.status.phase == "Unknown":
        return _make_lost(f"the node of the pod is lost: its state is unknown{_append_line(last_line)}")
    reason = interruption.error or "no reason was given"
    return Outcome("retry", f"the pod was given up in phase {pod.status.phase}: {reason}")


def _find_status(pod: k8s.V1Pod, container: str) -> k8s.V1ContainerStatus | None:
    return next((status for status in pod.status.container_statuses or [] if status.name == container), None)


def _find_terminated(pod: k8s.V1Pod, container: str) -> k8s.V1ContainerStateTerminated | None:
    status = _find_status(pod, container)
    return status.state.terminated if status and status.state else None


def _is_running(pod: k8s.V1Pod, container: str) -> bool:
    """Returns whether the container started; a node may give up a pod and never report how its container ended."""
    status = _find_status(pod, container)
    return bool(status and status.state and status.state.running)


def _append_line(last_line: str) -> str:
    return f"; its last line was: {last_line}" if last_line else ""


def _find_memory_limit(pod: k8s.V1Pod, container: str) -> str:
    spec = next(spec for spec in pod.spec.containers if spec.name == container)
    return str((spec.resources.limits or {}).get("memory", "that of the node"))


def _find_status_line(state: k8s.V1ContainerStateTerminated) -> str:
    """Returns the last line of the container's log, which is part of the pod's status."""
    lines = (state.message or "").strip().splitlines()
    return lines[-1] if lines else ""
