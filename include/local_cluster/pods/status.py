"""Builds the status of a pod from the states of its containers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cluster import clock
from local_cluster.pods.run import Run, list_attempts

Object = dict[str, Any]
MESSAGE_BYTES = 4096  # of a termination message
FALLBACK_BYTES = 2048  # of the log, where it replaces the message
EPOCH = "1970-01-01T00:00:00Z"


@dataclass
class ContainerState:
    """The state of one container: why it waits, or its current attempt, and how the attempt before it ended."""

    spec: Object
    is_init: bool
    waiting: tuple[str, str] = ("ContainerCreating", "")
    run: Run | None = None
    attempt: int = 0
    previous: Object | None = field(default=None)

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    @property
    def path(self) -> str:
        """The container's path in events."""
        return f"spec.{'initContainers' if self.is_init else 'containers'}{{{self.name}}}"

    @property
    def exit_code(self) -> int | None:
        """The exit code of the current attempt, once it has ended."""
        return self.run.end_record["exitCode"] if self.run and self.run.ended.is_set() else None

    @property
    def is_running(self) -> bool:
        """Whether the program runs."""
        return self.run is not None and self.run.started.is_set() and not self.run.ended.is_set()

    async def adopt(self, runs: Path) -> None:
        """Adopts the attempts in `runs` that an earlier server started."""
        for attempt in list_attempts(runs, "spec.json")[-2:]:
            if self.run:
                self.previous = self.describe_end()
            self.run, self.attempt = Run(runs / str(attempt)), attempt
            await self.run.attach()

    def describe(self) -> Object:
        """Returns the ContainerStatus."""
        return {
            "name": self.name,
            "state": self._describe_state(),
            "lastState": {"terminated": self.previous} if self.previous else {},
            "ready": self.exit_code == 0 if self.is_init else self.is_running,
            "restartCount": self.attempt,
            "image": self.spec["image"],
            "imageID": "",
            "containerID": self._build_id(),
        } | ({} if self.is_init else {"started": self.is_running})

    def describe_end(self) -> Object:
        """Returns how the current attempt ended."""
        if self.run is None:
            return {}
        record = self.run.end_record
        result = {
            "exitCode": record["exitCode"],
            "reason": _find_reason(record),
            "startedAt": EPOCH if record["failure"] else clock.drop_decimals(record.get("startedAt", EPOCH)),
            "finishedAt": clock.drop_decimals(record["finishedAt"]),
            "containerID": self._build_id(),
        }
        message = record["failure"] or record.get("lost") or self._read_message()
        return result | ({"message": message} if message else {})

    def _describe_state(self) -> Object:
        if self.run and self.run.ended.is_set():
            return {"terminated": self.describe_end()}
        if self.run and self.run.started.is_set():
            return {"running": {"startedAt": clock.drop_decimals(self.run.start_record["startedAt"])}}
        reason, message = self.waiting
        return {"waiting": {"reason": reason} | ({"message": message} if message else {})}

    def _build_id(self) -> str:
        if self.run is None:
            return ""
        return f"process://{self.run.directory.parent.parent.parent.name}/{self.name}/{self.run.directory.name}"

    def _read_message(self) -> str:
        """Returns the termination message.

        If the container failed and its policy allows that, it is the end of the log where there is no message.
        """
        if self.run is None:
            return ""
        text = _read(self.run.directory / "message")[:MESSAGE_BYTES].decode(errors="replace")
        if text or self.exit_code == 0 or self.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return text
        lines = _read(self.run.log)[-2 * FALLBACK_BYTES :].decode(errors="replace").splitlines()
        return "\n".join(line.split(" ", 2)[-1] for line in lines)[-FALLBACK_BYTES:]


def _read(path: Path) -> bytes:
    """Returns the content of a file; nothing when it cannot be read, because a status does not depend on it."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _find_reason(record: Object) -> str:
    if record["failure"]:
        return "StartError"
    if record.get("lost"):
        return "ContainerStatusUnknown"
    if record["outOfMemory"]:
        return "OOMKilled"
    return "Completed" if record["exitCode"] == 0 else "Error"


def is_restarted(policy: str, code: int, is_init: bool) -> bool:
    """Whether a container that ended with this code is started again."""
    if policy == "Never":
        return False
    return code != 0 or (policy == "Always" and not is_init)


def compute_phase(init: list[ContainerState], main: list[ContainerState], policy: str) -> str:
    """Returns the phase of a pod."""
    for state in init:
        if state.exit_code != 0:
            failed = state.exit_code is not None and policy == "Never"
            return "Failed" if failed else "Pending"
    if any(
        state.run is None or not (state.run.started.is_set() or state.run.ended.is_set())
        for state in main
        if not state.previous
    ):
        return "Pending"
    codes = [state.exit_code for state in main]
    if any(code is None or is_restarted(policy, code, is_init=False) for code in codes):
        return "Running"
    return "Succeeded" if all(code == 0 for code in codes) else "Failed"


def build_pod_status(
    pod: Object, init: list[ContainerState], main: list[ContainerState], reason: tuple[str, str], is_final: bool
) -> Object:
    """Returns the PodStatus. `reason`: why the whole pod was ended, if it was. `is_final`: the pod has finished."""
    old = pod.get("status") or {}
    phase = compute_phase(init, main, pod["spec"]["restartPolicy"])
    if reason[0] or (is_final and phase not in ("Succeeded", "Failed")):
        phase = "Failed" if is_final else "Running"
    fresh: Object = {
        "phase": phase,
        "conditions": build_conditions(phase, init, main, old.get("conditions") or []),
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "startTime": old.get("startTime") or clock.format_now(),
        "containerStatuses": [state.describe() for state in main],
        "qosClass": old.get("qosClass", "BestEffort"),
    }
    if init:
        fresh["initContainerStatuses"] = [state.describe() for state in init]
    return fresh | ({"reason": reason[0], "message": reason[1]} if reason[0] else {})


def build_conditions(
    phase: str, init: list[ContainerState], main: list[ContainerState], old: list[Object]
) -> list[Object]:
    """Returns the four conditions of a pod, each with the time at which it last changed."""
    finished = phase in ("Succeeded", "Failed")
    initialized = all(state.exit_code == 0 for state in init)
    ready = all(state.is_running for state in main)
    reason_unready = "PodCompleted" if phase == "Succeeded" else "ContainersNotReady"
    unready = f"containers with unready status: [{' '.join(state.name for state in main if not state.is_running)}]"
    values = [
        ("Initialized", initialized, "ContainersNotInitialized", ""),
        ("Ready", ready, reason_unready, "" if finished else unready),
        ("ContainersReady", ready, reason_unready, "" if finished else unready),
        ("PodScheduled", True, "", ""),
    ]
    return [_build_condition(kind, value, reason, message, old) for kind, value, reason, message in values]


def _build_condition(kind: str, value: bool, reason: str, message: str, old: list[Object]) -> Object:
    status = "True" if value else "False"
    before = next((item for item in old if item["type"] == kind and item["status"] == status), None)
    result = {"type": kind, "status": status, "lastProbeTime": None}
    result["lastTransitionTime"] = before["lastTransitionTime"] if before else clock.format_now()
    if not value:
        result["reason"] = reason
        if message:
            result["message"] = message
    return result
