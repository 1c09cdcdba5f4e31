"""The node: starts the pods of this machine, adopts them after a restart, and ends them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from local_cluster import clock
from local_cluster.events import Recorder
from local_cluster.pods import volumes
from local_cluster.pods.leftover_containers import end_containers
from local_cluster.pods.machine import find_obstacle
from local_cluster.pods.run import Run, list_attempts
from local_cluster.pods.settings import NODE_NAME, NodeSettings
from local_cluster.pods.shim_messages import ShimMessages
from local_cluster.pods.snapshots import Snapshots, get_group
from local_cluster.pods.watchers import ANNOTATION, REASON, Watchers
from local_cluster.pods.worker import Worker
from local_cluster.store import Store

Object = dict[str, Any]
FINISHED = ("Succeeded", "Failed")
SWEEP_SECONDS = 60.0
LOST_SECONDS = 2.0  # between two checks for pods that nobody watches
START_SECONDS = 2.0  # how long the reply to create waits for the pod to run
LOST_MESSAGE = "The pod could not be taken over from an earlier server: its record cannot be read"

logger = logging.getLogger(__name__)


class Node:
    """Runs the pods in the store. Only one node at a time may use a state directory."""

    def __init__(self, store: Store, settings: NodeSettings) -> None:
        self._store = store
        self._settings = settings
        self.recorder = Recorder(store)
        self._workers: dict[str, Worker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._messages = ShimMessages(settings.notify, self._take_message)
        self.watchers = Watchers()
        self._snapshots = Snapshots(settings.directory / "code", settings.code)

    async def start(self) -> None:
        """Listens to shims, adopts the pods of an earlier server, and begins the periodic clean-up."""
        self._messages.open()
        self._snapshots.clean()
        for pod in self._store.select("pods"):
            try:
                if pod["spec"].get("nodeName") and pod["status"].get("phase") not in FINISHED:
                    await self._adopt(pod)
            except Exception:  # no single pod may keep the cluster from starting
                logger.exception("pod %s: it counts as lost", _format_path(pod))
                status = {"phase": "Failed", "reason": "Lost", "message": LOST_MESSAGE}
                self._store.put("pods", {**pod, "status": status})
        self._spawn(_repeat(self._sweep, SWEEP_SECONDS))
        self._spawn(_repeat(self._check_watchers, LOST_SECONDS))

    async def close(self) -> None:
        """Ends every pod, as when a machine is shut down, then calls `leave`."""
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
        self.leave()

    def leave(self) -> None:
        """Stops watching the pods without ending them: the next server adopts them."""
        for task in self._tasks:
            task.cancel()
        self._messages.close()

    async def run(self, pod: Object) -> None:
        """Starts a new pod and waits a moment for it to run, so that its creator sees it running."""
        why_not = find_obstacle(pod["spec"])
        if why_not:
            self._refuse(pod, why_not)
            return
        self.recorder.record(pod, "Normal", "Scheduled", f"Successfully assigned {_format_path(pod)} to {NODE_NAME}")
        spec = {**pod["spec"], "nodeName": NODE_NAME}
        bound = {**pod, "spec": spec, "status": {**pod["status"], "startTime": clock.format_now()}}
        worker = Worker(self._store.put("pods", bound), self._store, self.recorder, self._settings, self._snapshots)
        self._begin(worker)
        self.watchers.record_read(pod)
        try:
            await asyncio.wait_for(worker.moved.wait(), START_SECONDS)
        except TimeoutError:
            return

    def is_live(self, uid: str) -> bool:
        """Whether a pod still runs or is being cleaned up."""
        return uid in self._workers

    def stop(self, pod: Object, grace: float) -> None:
        """Ends a pod. It leaves the store when its containers have ended, or at once with a grace of 0 seconds."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None or grace <= 0:
            self._store.remove("pods", pod)
        if worker is None:
            self._discard(pod["metadata"]["uid"])
        else:
            worker.stop(grace)

    def list_runs(self, pod: Object, container: str) -> list[Run]:
        """Returns the attempts of one container, the current one last."""
        worker = self._workers.get(pod["metadata"]["uid"])
        current = next((state.run for state in worker.states if state.name == container), None) if worker else None
        directory = self._settings.get_pod_directory(pod["metadata"]["uid"]) / "runs" / container
        runs = [Run(directory / str(attempt)) for attempt in list_attempts(directory, "log")]
        for run in runs:
            run.refresh()
        return [current if current and current.directory == run.directory else run for run in runs]

    async def _adopt(self, pod: Object) -> None:
        """Adopts a pod that an earlier server started."""
        worker = Worker(pod, self._store, self.recorder, self._settings, self._snapshots)
        await worker.adopt()
        self._begin(worker)
        if pod["metadata"].get("deletionTimestamp"):
            self.stop(pod, pod["metadata"].get("deletionGracePeriodSeconds", 0))

    def _begin(self, worker: Worker) -> None:
        self._workers[worker.uid] = worker
        worker.publish()
        self._spawn(self._run_to_end(worker), name=f"pod {worker.uid}")

    async def _run_to_end(self, worker: Worker) -> None:
        """Runs a pod to its end, and removes it if it was deleted meanwhile."""
        await worker.run_to_end()
        del self._workers[worker.uid]
        pod = worker.pod
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            if pod is not None:
                self._store.remove("pods", pod)
            self._discard(worker.uid)

    def _refuse(self, pod: Object, obstacle: str) -> None:
        """Leaves a pod pending that this machine cannot run."""
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": obstacle,
            "lastTransitionTime": clock.format_now(),
        }
        self._store.put("pods", {**pod, "status": {**pod["status"], "conditions": [condition]}})
        self.recorder.record(pod, "Warning", "FailedScheduling", obstacle)

    async def _sweep(self) -> None:
        """Removes finished pods, old events, leftover directories and code that no run needs any more."""
        self.recorder.discard_old()
        for pod in self._store.select("pods"):
            if not self.is_live(pod["metadata"]["uid"]) and self._is_over(pod):
                self.stop(pod, 0)
        pods = self._store.select("pods")
        self._discard_forgotten(pod["metadata"]["uid"] for pod in pods)
        live = {get_group(pod) for pod in pods if self.is_live(pod["metadata"]["uid"])} - {""}
        await self._snapshots.sweep(live)

    def _is_over(self, pod: Object) -> bool:
        """Whether a pod has finished and can be removed: sooner if its task no longer watches it."""
        if _has_finished_before(pod, clock.format_now(-self._settings.pod_ttl)):
            return True
        return self.watchers.is_unwatched(pod, self._settings.unwatched_ttl) and _has_finished_before(
            pod, clock.format_now(-self._settings.unwatched_ttl)
        )

    async def _check_watchers(self) -> None:
        """Ends the pods that no task watches any more, and writes what a full disk did not take."""
        self._store.write_pending()
        for worker in list(self._workers.values()):
            pod = worker.pod
            if pod is not None and self.watchers.is_unwatched(pod):
                message = f"nobody has read the pod or its log for longer than {ANNOTATION} allows: its task is gone"
                worker.stop(pod["spec"]["terminationGracePeriodSeconds"], REASON, message)

    def _discard_forgotten(self, stored_uids: Iterable[str]) -> None:
        remaining_uids = {*stored_uids, *self._workers}
        pods = self._settings.directory / "pods"
        for directory in pods.iterdir() if pods.exists() else ():
            if directory.name not in remaining_uids:
                self._discard(directory.name)

    def _discard(self, uid: str) -> None:
        """Removes a pod's files in the background."""
        self.watchers.forget(uid)
        directory = self._settings.get_pod_directory(uid)
        if directory.exists():
            self._spawn(asyncio.to_thread(_remove, directory))

    def _take_message(self, uid: str, container: str, attempt: str, message: Object) -> None:
        """Applies a message of a shim to its run."""
        worker = self._workers.get(uid)
        for state in worker.states if worker else ():
            if state.name == container and state.run and state.run.directory.name == attempt:
                accept = state.run.accept_end if message["event"] == "ended" else state.run.accept_start
                accept(dict(message["record"]))

    def _spawn(self, work: Any, name: str | None = None) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _repeat(work: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
    """Repeats a job for ever; a failure is logged, and the job is tried again."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("the node's periodic clean-up failed")
        await asyncio.sleep(seconds)


def _remove(directory: Path) -> None:
    """Removes the files of a pod that is gone, and ends what still runs in it."""
    end_containers(directory)
    volumes.discard(directory)


def _has_finished_before(pod: Object, limit: str) -> bool:
    status = pod.get("status") or {}
    ends = [
        (container.get("state") or {}).get("terminated", {}).get("finishedAt", "")
        for container in status.get("containerStatuses") or []
    ]
    return (
        status.get("phase") in FINISHED
        and max(ends, default="") < limit
        and pod["metadata"]["creationTimestamp"] < limit
    )


def _format_path(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
