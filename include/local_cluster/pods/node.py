"""The node: all pods of this machine, their start, their adoption after a restart, their end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Any

from local_cluster import clock, quantities
from local_cluster.pods import volumes
from local_cluster.pods.attention import ANNOTATION, REASON, Attention
from local_cluster.pods.machine import capacity, node_labels
from local_cluster.pods.run import Run
from local_cluster.pods.settings import NODE_NAME, NodeSettings
from local_cluster.pods.worker import Worker
from local_cluster.recorder import Recorder
from local_cluster.store import Store

Object = dict[str, Any]
FINISHED = ("Succeeded", "Failed")
SWEEP_SECONDS = 60.0
LOST_SECONDS = 2.0  # between two looks for pods that nobody watches
START_SECONDS = 2.0  # how long the reply to create waits for the pod to run


class Node:
    """Runs the pods in the store. One node at a time holds a state directory. Raises RuntimeError when another does."""

    def __init__(self, store: Store, settings: NodeSettings) -> None:
        self._store = store
        self._settings = settings
        self.recorder = Recorder(store)
        self._workers: dict[str, Worker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pipe = -1
        self.attention = Attention()

    async def start(self) -> None:
        """Listen to shims, take over the pods of an earlier server, begin to sweep."""
        if not self._settings.notify.exists():
            os.mkfifo(self._settings.notify, 0o600)
        self._pipe = os.open(self._settings.notify, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._pipe, self._read_notes)
        for pod in self._store.select("pods"):
            if pod["spec"].get("nodeName") and pod["status"].get("phase") not in FINISHED:
                await self._adopt(pod)
        self._spawn(self._sweep())
        self._spawn(self._end_lost())

    async def close(self) -> None:
        """End every pod, as a machine does when it is shut down."""
        for worker in self._workers.values():
            grace = (worker.pod or {"spec": {}})["spec"].get("terminationGracePeriodSeconds", 0)
            worker.stop(
                min(self._settings.stop_seconds, grace),
                "Terminated",
                "Pod was terminated because its cluster was shut down.",
            )
        waiting = [task for task in self._tasks if task.get_name().startswith("pod ")]
        if waiting:
            await asyncio.wait(waiting, timeout=self._settings.stop_seconds + 2)
        for task in self._tasks:
            task.cancel()
        if self._pipe >= 0:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1

    async def run(self, pod: Object) -> None:
        """Start a new pod and wait a moment for it to run, so that its creator sees it running."""
        obstacle = self._obstacle(pod["spec"])
        if obstacle:
            self._refuse(pod, obstacle)
            return
        self.recorder.record(pod, "Normal", "Scheduled", f"Successfully assigned {_path(pod)} to {NODE_NAME}")
        spec = {**pod["spec"], "nodeName": NODE_NAME}
        bound = {**pod, "spec": spec, "status": {**pod["status"], "startTime": clock.now()}}
        worker = Worker(self._store.put("pods", bound), self._store, self.recorder, self._settings)
        self._begin(worker)
        self.attention.pay(pod)
        try:
            await asyncio.wait_for(worker.moved.wait(), START_SECONDS)
        except TimeoutError:
            return

    def is_live(self, uid: str) -> bool:
        """Whether a pod still has work to do or to undo."""
        return uid in self._workers

    def stop(self, pod: Object, grace: float) -> None:
        """End a pod; it leaves the store when its containers are gone, or at once with a grace of 0 seconds."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None or grace <= 0:
            self._store.remove("pods", pod)
        if worker is None:
            self._discard(pod["metadata"]["uid"])
        else:
            worker.stop(grace)

    def runs(self, pod: Object, container: str) -> list[Run]:
        """The attempts of one container, the present one last."""
        worker = self._workers.get(pod["metadata"]["uid"])
        current = next((state.run for state in worker.states if state.name == container), None) if worker else None
        directory = self._settings.pod(pod["metadata"]["uid"]) / "runs" / container
        found = sorted(directory.iterdir(), key=lambda run: int(run.name)) if directory.exists() else []
        runs = [Run(run) for run in found if (run / "log").exists()]
        for run in runs:
            run.refresh()
        return [current if current and current.directory == run.directory else run for run in runs]

    async def _adopt(self, pod: Object) -> None:
        """Go on with a pod that an earlier server started."""
        worker = Worker(pod, self._store, self.recorder, self._settings)
        await worker.adopt()
        self._begin(worker)
        if pod["metadata"].get("deletionTimestamp"):
            self.stop(pod, pod["metadata"].get("deletionGracePeriodSeconds", 0))

    def _begin(self, worker: Worker) -> None:
        self._workers[worker.uid] = worker
        worker.publish()
        self._spawn(self._live(worker), name=f"pod {worker.uid}")

    async def _live(self, worker: Worker) -> None:
        """The whole life of a pod, and its removal if it was deleted meanwhile."""
        await worker.live()
        del self._workers[worker.uid]
        pod = worker.pod
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            if pod is not None:
                self._store.remove("pods", pod)
            self._discard(worker.uid)

    def _obstacle(self, spec: Object) -> str:
        """Why no node can take a pod; empty when this one can."""
        labels = node_labels()
        if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
            return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
        for name, available in capacity().items():
            wanted = sum(_request(container, name) for container in spec["containers"])
            if wanted > available:
                return f"0/1 nodes are available: 1 Insufficient {name}."
        return ""

    def _refuse(self, pod: Object, obstacle: str) -> None:
        """Leave a pod pending that no node can take."""
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": obstacle,
            "lastTransitionTime": clock.now(),
        }
        self._store.put("pods", {**pod, "status": {**pod["status"], "conditions": [condition]}})
        self.recorder.record(pod, "Warning", "FailedScheduling", obstacle)

    async def _sweep(self) -> None:
        """Remove finished pods, old events and forgotten directories."""
        while True:
            self.recorder.discard_old()
            limit = clock.now(-self._settings.pod_ttl)
            for pod in self._store.select("pods"):
                if _finished_before(pod, limit) and not self.is_live(pod["metadata"]["uid"]):
                    self.stop(pod, 0)
            self._discard_forgotten(pod["metadata"]["uid"] for pod in self._store.select("pods"))
            await asyncio.sleep(SWEEP_SECONDS)

    async def _end_lost(self) -> None:
        """End the pods for which nobody cares any more."""
        while True:
            await asyncio.sleep(LOST_SECONDS)
            for worker in list(self._workers.values()):
                pod = worker.pod
                if pod is not None and self.attention.is_lost(pod):
                    message = (
                        f"nobody has read the pod or its log for longer than {ANNOTATION} allows: its task is gone"
                    )
                    worker.stop(pod["spec"]["terminationGracePeriodSeconds"], REASON, message)

    def _discard_forgotten(self, known: Iterable[str]) -> None:
        kept = {*known, *self._workers}
        pods = self._settings.directory / "pods"
        for directory in pods.iterdir() if pods.exists() else ():
            if directory.name not in kept:
                self._discard(directory.name)

    def _discard(self, uid: str) -> None:
        """Remove a pod's files without making anyone wait."""
        self.attention.forget(uid)
        directory = self._settings.pod(uid)
        if directory.exists():
            self._spawn(asyncio.to_thread(volumes.discard, directory))

    def _read_notes(self) -> None:
        """A shim reports: `uid/container/attempt`."""
        for note in os.read(self._pipe, 65536).decode().split():
            uid, container, _ = note.split("/")
            worker = self._workers.get(uid)
            for state in worker.states if worker else ():
                if state.name == container and state.run:
                    state.run.refresh()

    def _spawn(self, work: Any, name: str | None = None) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _request(container: Object, name: str) -> Any:
    text = ((container.get("resources") or {}).get("requests") or {}).get(name)
    return quantities.parse(text) if text else 0


def _finished_before(pod: Object, limit: str) -> bool:
    found = pod.get("status") or {}
    ends = [
        (container.get("state") or {}).get("terminated", {}).get("finishedAt", "")
        for container in found.get("containerStatuses") or []
    ]
    return (
        found.get("phase") in FINISHED
        and max(ends, default="") < limit
        and pod["metadata"]["creationTimestamp"] < limit
    )


def _path(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
