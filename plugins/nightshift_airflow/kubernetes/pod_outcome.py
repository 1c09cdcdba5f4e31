"""How a step's pod ended, in one sentence for people, and what Airflow should do about it.

A pure reading of the pod as Kubernetes last showed it. The exit codes are those of `nightshift.errors`.
"""

import errno
from dataclasses import dataclass, field
from typing import Literal

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, AirflowTaskTimeout
from kubernetes.client import ApiException
from kubernetes.client import models as k8s
from kubernetes.config import ConfigException

from nightshift.errors import BUG, BadConfig, DataRejected, NothingToDo, TryLater
from nightshift_airflow.kubernetes import api_retries as patience
from nightshift_airflow.kubernetes import image_pull as pulling
from nightshift_airflow.runs import retry_policy as tries

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
"""Exit codes of a process that was ended from outside of its pod: a memory limit that is reached says so."""
OWN_DISK = ("ephemeral local storage usage exceeds", "ephemeral local storage limit", "Usage of EmptyDir volume")
"""How a node says that it evicts a pod for what the pod itself wrote, and not for the node's sake."""
CODE_LOST = "CodeSnapshotLost"
"""How the embedded cluster says that it no longer has the code that the run began with: no other try finds it."""
DISK_FULL = ("No space left on device", "Errno 28", "database or disk is full")


@dataclass(frozen=True)
class Interruption:
    """What is known besides the pod itself.

    `cause` is what interrupted the waiting, if anything did; `outlasted`: the task's time was up; `event` is the last
    thing that Kubernetes did with the pod, `pull` why its image is not there, in the runtime's words.
    """

    cause: BaseException | None = None
    outlasted: bool = False
    event: str = ""
    pull: str = ""


@dataclass(frozen=True)
class Ending:
    """What Airflow does next, and the sentence that says why.

    `lost`: the step did not fail, infrastructure took its pod away; `runs.retry_policy` does not count the try.
    """

    then: Next
    sentence: str
    lost: bool = field(default=False, compare=False)

    def error(self) -> AirflowException:
        """The exception that makes Airflow do it."""
        kinds = {"skip": AirflowSkipException, "fail": AirflowFailException, "retry": AirflowException}
        error = kinds[self.then](self.sentence)
        return tries.lost(error) if self.lost else error


def _lost(sentence: str) -> Ending:
    return Ending("retry", sentence, lost=True)


def of(pod: k8s.V1Pod | None, container: str, last_line: str, besides: Interruption) -> Ending:
    """How `pod` ended; None: it is not there any more.

    `container` is the name of the step's container, `last_line` the last line of its log as far as it was read.
    """
    if besides.outlasted or isinstance(besides.cause, AirflowTaskTimeout):
        return Ending("retry", f"the task outlasted its execution_timeout: its pod was deleted{_after(last_line)}")
    if pod is None:
        event = f" ({besides.event})" if besides.event else ""
        return _lost(f"the pod vanished: it was deleted, or its node was lost{event}{_after(last_line)}")
    if stopped := _stopped(pod):
        return stopped
    if state := _terminated(pod, container):
        return _exited(pod, container, state, last_line or _tail(state))
    if pod.metadata.deletion_timestamp:
        when = "while it ran" if last_line or _is_running(pod, container) else "before it ran"
        return _lost(f"the pod was deleted {when}{_after(last_line)}")
    return _never_ran(pod, container, last_line, besides)


def of_call(error: Exception) -> Ending:
    """How a step ended whose pod never was: Kubernetes refused it, or did not answer."""
    if full := next((mark for mark in DISK_FULL if mark in str(error)), None):
        return _lost(f"disk full on the machine of Kubernetes ({full}): make room there, then clear the task")
    if isinstance(error, ConfigException):
        return Ending("retry", f"no way to Kubernetes: {error}. Set KUBECONFIG, or run Airflow inside the cluster")
    if isinstance(error, patience.Away):
        return Ending(
            "retry", f"the Kubernetes API does not answer: {error}. The next try finds the pod, if there is one"
        )
    if not isinstance(error, ApiException):
        return Ending("retry", f"the Kubernetes API does not answer: {type(error).__name__}: {error}")
    said = patience.message(error) or "no message"
    return Ending("retry", f"Kubernetes refused the call ({error.status} {error.reason}): {said}")


def of_own_disk(error: BaseException) -> Ending | None:
    """How a task ended that Airflow's own machine has no room for, None when `error` is something else."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return _lost("disk full on Airflow's machine: make room there; the next try finds the pod, if there is one")


def _stopped(pod: k8s.V1Pod) -> Ending | None:
    """Endings that the pod's own status names, whatever its container did."""
    if pod.status.reason == "DeadlineExceeded":
        return Ending("retry", f"out of time: the step's limit is {pod.spec.active_deadline_seconds} s")
    if pod.status.reason and pod.status.phase == "Failed":
        return _taken(pod.status.reason, pod.status.message or "no message")
    for condition in pod.status.conditions or []:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return _taken(condition.reason, condition.message or "no message")
    return None


def _taken(reason: str, message: str) -> Ending:
    """A pod that its node gave up: for what it wrote itself, or for the node's sake."""
    if any(mark in message for mark in OWN_DISK):
        return Ending("retry", f"disk full: the step wrote more than its pod may ({reason}: {message})")
    if reason == CODE_LOST:
        return Ending("fail", f"the pod was stopped ({reason}): {message}")
    full = "disk full on its node: " if "ephemeral-storage" in message else ""
    return _lost(f"{full}the pod was stopped ({reason}): {message}")


def _exited(pod: k8s.V1Pod, container: str, state: k8s.V1ContainerStateTerminated, last_line: str) -> Ending:
    if state.reason == "OOMKilled":
        return Ending("retry", f"out of memory: limit {_limit(pod, container)}{_after(last_line)}")
    if state.exit_code in EXITS:
        then, meaning = EXITS[state.exit_code]
        full = "disk full: " if any(mark in last_line for mark in DISK_FULL) else ""
        return Ending(then, f"{full}{last_line or meaning} (exit {state.exit_code}: {meaning})")
    if pod.metadata.deletion_timestamp:
        return _lost(f"the pod was deleted while it ran{_after(last_line)}")
    if state.reason == "ContainerStatusUnknown":
        return _lost(f"the node lost the step's container, and does not know how it ended: {state.message}")
    if state.exit_code in SIGNALS:
        what, signal = SIGNALS[state.exit_code]
        if what == "ended" and last_line:  # it could say itself what it was doing
            return _lost(f"{last_line} (exit {state.exit_code}: ended from outside ({signal}))")
        known = "Kubernetes does not say by what, nor that memory was short"
        return _lost(
            f"the step's process was {what} from outside (exit {state.exit_code}: {signal}); {known}{_after(last_line)}"
        )
    return Ending("retry", f"{last_line or state.reason} (exit {state.exit_code}: not an exit code of a step)")


def _never_ran(pod: k8s.V1Pod, container: str, last_line: str, besides: Interruption) -> Ending:
    """Why a container has no exit code: its image, its configuration, no node, or no contact."""
    status = _status(pod, container)
    waiting = status.state.waiting if status and status.state else None
    if waiting and waiting.reason not in (None, "ContainerCreating", "PodInitializing"):
        said = besides.pull or waiting.message or "no message"
        then: Next = "fail" if pulling.is_final(waiting.reason, said) else "retry"
        return Ending(then, f"the pod could not start ({waiting.reason}): {' '.join(said.split())}")
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return Ending("retry", f"no node could take the pod ({condition.reason}): {condition.message}")
    if pod.status.phase == "Unknown":
        return _lost(f"the node of the pod is lost: its state is unknown{_after(last_line)}")
    why = besides.cause or "no reason was given"
    return Ending("retry", f"the pod was given up in phase {pod.status.phase}: {why}")


def _status(pod: k8s.V1Pod, container: str) -> k8s.V1ContainerStatus | None:
    return next((status for status in pod.status.container_statuses or [] if status.name == container), None)


def _terminated(pod: k8s.V1Pod, container: str) -> k8s.V1ContainerStateTerminated | None:
    status = _status(pod, container)
    return status.state.terminated if status and status.state else None


def _is_running(pod: k8s.V1Pod, container: str) -> bool:
    """Whether the container started; a node may let go of a pod without ever saying how its container ended."""
    status = _status(pod, container)
    return bool(status and status.state and status.state.running)


def _after(last_line: str) -> str:
    return f"; its last line was: {last_line}" if last_line else ""


def _limit(pod: k8s.V1Pod, container: str) -> str:
    spec = next(spec for spec in pod.spec.containers if spec.name == container)
    return str((spec.resources.limits or {}).get("memory", "that of the node"))


def _tail(state: k8s.V1ContainerStateTerminated) -> str:
    """The last line of the container's log as the pod's status carries it."""
    lines = (state.message or "").strip().splitlines()
    return lines[-1] if lines else ""
