"""Records what happens to containers as events of their pod."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_cluster.events import Recorder
from local_cluster.pods.status import ContainerState

Object = dict[str, Any]


class PodEvents:
    """Records events about one pod for as long as it is stored."""

    def __init__(self, recorder: Recorder, find_pod: Callable[[], Object | None]) -> None:
        self._recorder = recorder
        self._find_pod = find_pod

    def record_pod(self, kind: str, reason: str, message: str) -> None:
        """Records an event about the whole pod."""
        self._record(kind, reason, message, "")

    def record_container(self, state: ContainerState, reason: str, verb: str) -> None:
        """Records a normal step of a container, such as its start."""
        self._record("Normal", reason, f"{verb} container {state.name}", state.path)

    def record_wait(self, state: ContainerState) -> None:
        """Records why a container does not run yet."""
        reason, message = state.waiting
        if reason == "CrashLoopBackOff":
            self._record("Warning", "BackOff", "Back-off restarting failed container", state.path)
        else:
            self._record("Warning", "Failed", f"Error: {message}", state.path)

    def record_end(self, state: ContainerState) -> None:
        """Records the reason of an end that was not normal."""
        ended = state.describe_end()
        if ended["reason"] == "StartError":
            self._record("Warning", "Failed", f"Error: {ended['message']}", state.path)
        elif ended["reason"] == "OOMKilled":
            limit = state.spec["resources"]["limits"]["memory"]
            message = f"Container {state.name} was killed: it used more than its memory limit {limit}"
            self._record("Warning", "OOMKilling", message, state.path)

    def _record(self, kind: str, reason: str, message: str, path: str) -> None:
        pod = self._find_pod()
        if pod is not None:
            self._recorder.record(pod, kind, reason, message, path)
