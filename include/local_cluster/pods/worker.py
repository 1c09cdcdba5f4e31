"""Runs one pod, from its acceptance to its last status."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from local_cluster import clock
from local_cluster.events import Recorder
from local_cluster.files import is_full
from local_cluster.pods import status, volumes
from local_cluster.pods.environment import ConfigError
from local_cluster.pods.pod_events import PodEvents
from local_cluster.pods.run import Run
from local_cluster.pods.run_plan import CannotRunError, plan_run
from local_cluster.pods.settings import NodeSettings
from local_cluster.pods.snapshots import SnapshotError, Snapshots, add_digest, get_group
from local_cluster.pods.status import ContainerState
from local_cluster.pods.volumes import UnsupportedVolumeError
from local_cluster.store import Store

Object = dict[str, Any]
BACK_OFF = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)  # seconds before a restart
CONFIG_INTERVAL = 1.0  # seconds between two checks for a missing ConfigMap or Secret
DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"
FULL_MESSAGE = "The node was low on resource: ephemeral-storage: disk full: {0} takes no more files: free space there"

logger = logging.getLogger(__name__)


class Worker:
    """Runs one pod. `run_to_end` is its task; `stop` ends it early."""

    def __init__(
        self, pod: Object, store: Store, recorder: Recorder, settings: NodeSettings, snapshots: Snapshots
    ) -> None:
        self.namespace: str = pod["metadata"]["namespace"]
        self.name: str = pod["metadata"]["name"]
        self.uid: str = pod["metadata"]["uid"]
        self._spec: Object = pod["spec"]
        self._store = store
        self._events = PodEvents(recorder, lambda: self.pod)
        self._settings = settings
        self._snapshots = snapshots
        self._init = [
            ContainerState(spec, is_init=True, waiting=("PodInitializing", ""))
            for spec in self._spec.get("initContainers") or []
        ]
        first = "PodInitializing" if self._init else "ContainerCreating"
        self._main = [ContainerState(spec, is_init=False, waiting=(first, "")) for spec in self._spec["containers"]]
        self._volumes: dict[str, Path] = {}
        self._plan = partial(plan_run, settings=settings, snapshots=snapshots, lookup=self._look_up)
        self._stopping = asyncio.Event()
        self._reason: tuple[str, str] = ("", "")
        self.moved = asyncio.Event()  # set when the pod is no longer Pending, or its status says why it waits

    @property
    def pod(self) -> Object | None:
        """The pod as stored; None once it is deleted."""
        stored = self._store.get("pods", self.namespace, self.name)
        return stored if stored and stored["metadata"]["uid"] == self.uid else None

    @property
    def states(self) -> list[ContainerState]:
        """All containers."""
        return self._init + self._main

    @property
    def runs(self) -> list[Run]:
        """The attempts whose containers may still be running."""
        return [state.run for state in self.states if state.run and state.run.is_alive]

    async def run_to_end(self) -> None:
        """Runs the pod to its end. Never raises."""
        deadline = asyncio.create_task(self._watch_deadline())
        try:
            if await self._make_volumes() and await self._take_code_snapshot() and await self._initialize():
                await asyncio.gather(*(self._keep_running(state) for state in self._main))
        except Exception as error:
            self._fail(error)
        # Not reached if this task is cancelled: the containers then live on for the next server.
        for run in self.runs:
            await run.ended.wait()
        deadline.cancel()
        self.publish(is_final=True)
        self.moved.set()

    def _fail(self, error: Exception) -> None:
        """Ends the pod after an error of this server. On a full disk it is evicted, as in Kubernetes."""
        if is_full(error):
            logger.error("pod %s/%s: disk full", self.namespace, self.name)
            self._reason = ("Evicted", FULL_MESSAGE.format(self._settings.directory))
        else:
            logger.exception("pod %s/%s", self.namespace, self.name)
            self._reason = ("InternalError", f"{type(error).__name__}: {error}")
        self.kill()

    def stop(self, grace: float, reason: str = "", message: str = "") -> None:
        """Ends the pod: SIGTERM now, SIGKILL after `grace` seconds. Of several calls, the shortest grace counts."""
        if reason and not self._reason[0]:
            self._reason = (reason, message)
        first = not self._stopping.is_set()
        self._stopping.set()
        if grace <= 0:
            self.kill()
            return
        if first:
            for state in self.states:
                if state.run and state.run.is_alive:
                    self._events.record_container(state, "Killing", "Stopping")
                    state.run.terminate()
        asyncio.get_running_loop().call_later(grace, self.kill)

    def kill(self) -> None:
        """Sends SIGKILL to every container."""
        self._stopping.set()
        for run in self.runs:
            run.kill()

    def publish(self, is_final: bool = False) -> None:
        """Stores the current status."""
        pod = self.pod
        if pod is None:
            return
        fresh = status.build_pod_status(pod, self._init, self._main, self._reason, is_final)
        phase = fresh["phase"]
        if fresh != pod.get("status"):
            self._store.put("pods", {**pod, "status": fresh})
        if phase != "Pending" or any(state.waiting[1] for state in self.states):
            self.moved.set()

    async def adopt(self) -> None:
        """Adopts the containers that an earlier server started; called before `run_to_end`."""
        for state in self.states:
            await state.adopt(self._get_run_directory(state))

    async def _make_volumes(self) -> bool:
        """Makes the volumes, waiting for what is missing. Returns False when the pod was stopped or cannot have
        them.
        """
        while (pod := self.pod) is not None and not self._stopping.is_set():
            try:
                self._volumes = volumes.make_volumes(
                    pod, self._settings.get_pod_directory(self.uid) / "volumes", self._look_up
                )
            except ConfigError as error:
                self._events.record_pod("Warning", "FailedMount", str(error))
                self.moved.set()
                self.publish()
                await self._pause(CONFIG_INTERVAL)
            except UnsupportedVolumeError as error:
                self._events.record_pod("Warning", "FailedMount", str(error))
                self._reason = ("UnsupportedVolume", str(error))
                return False
            else:
                return True
        return False

    async def _take_code_snapshot(self) -> bool:
        """Gives the pod the code of its group, if it names one. Returns False when that code is gone."""
        pod = self.pod
        if pod is None or not get_group(pod) or any(state.run for state in self.states):
            return True  # a pod of an earlier server has its code already
        try:
            digest = await self._snapshots.take(get_group(pod))
        except SnapshotError as error:
            self._events.record_pod("Warning", "FailedCodeSnapshot", str(error))
            self._reason = ("CodeSnapshotLost", str(error))
            return False
        if (pod := self.pod) is not None:
            self._store.put("pods", add_digest(pod, digest))
        return True

    async def _initialize(self) -> bool:
        """Runs the init containers one after the other. Returns True when all succeeded."""
        for state in self._init:
            if not await self._keep_running(state):
                return False
        for state in self._main:
            state.waiting = ("ContainerCreating", "")
        return True

    async def _keep_running(self, state: ContainerState) -> bool:
        """Runs a container until it must not be restarted. Returns True when it succeeded."""
        while True:
            run = state.run if state.run else await self._start(state)
            if run is None:
                return False
            await run.ended.wait()
            self._events.record_end(state)
            code = run.end_record["exitCode"]
            restarts = status.is_restarted(self._spec["restartPolicy"], code, state.is_init)
            self.publish()
            if self._stopping.is_set() or not restarts:
                return bool(code == 0)
            await self._back_off(state)

    async def _start(self, state: ContainerState) -> Run | None:
        """Starts the next attempt, waiting for missing ConfigMaps and Secrets. Returns None when the pod was
        stopped.
        """
        while (pod := self.pod) is not None and not self._stopping.is_set():
            run = Run(self._get_run_directory(state) / str(state.attempt))
            try:
                spec = self._plan(state.spec, pod, run.directory, self._volumes)
            except ConfigError as error:
                self._wait_for(state, "CreateContainerConfigError", str(error))
                await self._pause(CONFIG_INTERVAL)
                continue
            except (CannotRunError, UnsupportedVolumeError) as error:
                run.refuse(str(error))
            else:
                self._events.record_container(state, "Created", "Created")
                run.launch(spec)
            state.run = run
            await run.wait_until_settled()
            if run.started.is_set():
                self._events.record_container(state, "Started", "Started")
            self.publish()
            return run
        return None

    async def _back_off(self, state: ContainerState) -> None:
        """Waits before the next attempt."""
        seconds = BACK_OFF[min(state.attempt, len(BACK_OFF) - 1)]
        state.previous = state.describe_end()
        state.run = None
        state.attempt += 1
        if seconds:
            self._wait_for(
                state,
                "CrashLoopBackOff",
                f"back-off {seconds:.0f}s restarting failed container={state.name} pod={self.name}",
            )
        await self._pause(seconds)

    def _wait_for(self, state: ContainerState, reason: str, message: str) -> None:
        """Publishes why a container does not run yet."""
        state.waiting = (reason, message)
        self._events.record_wait(state)
        self.publish()

    async def _watch_deadline(self) -> None:
        """Fails the pod when it has been active for longer than `activeDeadlineSeconds`."""
        seconds = self._spec.get("activeDeadlineSeconds")
        pod = self.pod
        if seconds is None or pod is None:
            return
        since = clock.parse((pod.get("status") or {}).get("startTime") or clock.format_now())
        await asyncio.sleep(max(0.0, seconds - (datetime.now(UTC) - since).total_seconds()))
        if self.pod is not None:
            self._events.record_pod("Normal", "DeadlineExceeded", DEADLINE_MESSAGE)
            self.stop(self._spec["terminationGracePeriodSeconds"], "DeadlineExceeded", DEADLINE_MESSAGE)

    async def _pause(self, seconds: float) -> None:
        """Sleeps, unless the pod is stopped."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _get_run_directory(self, state: ContainerState) -> Path:
        return self._settings.get_pod_directory(self.uid) / "runs" / state.name

    def _look_up(self, plural: str, name: str) -> Object | None:
        return self._store.get(plural, self.namespace, name)
