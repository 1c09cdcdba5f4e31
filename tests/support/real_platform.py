"""One platform of this machine whose pods run on a real cluster, and what tests ask of it and do to it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from kubernetes import client

from local_platform.checkout import SOURCES
from local_platform.demo.airflow_api import AirflowApi, retry_until_answered
from local_platform.errors import NotReady
from local_platform.marked_processes import find_processes_of
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.supervisor import Supervisor
from local_platform.services.embedded_cluster import NAMESPACE
from nightshift.adapters.s3.object_store import ObjectStore
from support.pod_client import wait_until
from support.signals import send_each

ENDED = ("success", "failed", "skipped", "upstream_failed")
TIMEOUT = 300.0
"""Seconds for what a test waits for: a run recovers within that time."""


@dataclass(frozen=True)
class TaskRun:
    """One run of one DAG, made by a test."""

    api: AirflowApi
    logs: Path
    dag: str
    id: str

    @property
    def path(self) -> str:
        """Where Airflow's API has it."""
        return f"/api/v2/dags/{self.dag}/dagRuns/{self.id}"

    def read_state(self) -> str:
        """The state of the whole run."""
        return str(self.api._get(self.path)["state"])

    def read_task(self, name: str) -> dict[str, Any]:
        """One task as Airflow has it."""
        actual: dict[str, Any] = self.api._get(f"{self.path}/taskInstances/{name}")
        return actual

    def read_task_states(self) -> dict[str, str]:
        """The state of each task."""
        return {t["task_id"]: t["state"] or "" for t in self.api._get(f"{self.path}/taskInstances")["task_instances"]}

    def mark(self, name: str, state: str) -> None:
        """What a person does in the UI: marks a task."""
        path, body = f"{self.path}/taskInstances/{name}", {"new_state": state}
        retry_until_answered(lambda: self.api._call("PATCH", path, body, self.api._headers))

    def clear(self, name: str) -> None:
        """What a person does in the UI: clears a task."""
        body = {"dag_run_id": self.id, "task_ids": [name], "only_failed": False, "only_running": False}
        body |= {"dry_run": False, "reset_dag_runs": True}
        path = f"/api/v2/dags/{self.dag}/clearTaskInstances"
        retry_until_answered(lambda: self.api._call("POST", path, body, self.api._headers))

    def end(self, timeout: float = TIMEOUT) -> str:
        """The state in which the run ends."""

        def look() -> str | None:
            state = self.read_state()
            return state if state in ENDED else None

        return wait_until(f"the end of {self.dag} {self.id} ({self.read_task_states()})", look, timeout)

    def wait_for_log(self, task: str, text: str = "") -> str:
        """Everything that was logged of a task, all tries: as soon as it has `text`, or else after half a minute.

        The last lines of a task come a moment after its state.
        """
        with suppress(AssertionError):
            wait_until(f"{task} to say {text!r}", lambda: text in self._read_logs(task), 30)
        return self._read_logs(task)

    def _read_logs(self, task: str) -> str:
        folder = self.logs / f"dag_id={self.dag}" / f"run_id={self.id}" / f"task_id={task}"
        return "\n".join(path.read_text(errors="replace") for path in sorted(folder.glob("attempt=*.log*")))


@dataclass(frozen=True)
class RealPlatform:
    """The platform, and the cluster as its administrator sees it.

    `environment`: that of its commands. `image_version`: the version of the code in the image, as the platform saw it.
    """

    platform: Platform
    store: ObjectStore
    api: AirflowApi
    core: client.CoreV1Api
    environment: Mapping[str, str]
    image_version: str

    @property
    def home(self) -> Home:
        """Where it keeps everything."""
        return self.platform.home

    def start(self, dag: str, night: str, name: str) -> TaskRun:
        """Triggers a run of a DAG for one night."""
        body = {"logical_date": None, "conf": {"night": night}, "dag_run_id": name}
        try:
            retry_until_answered(lambda: self.api._call("POST", f"/api/v2/dags/{dag}/dagRuns", body, self.api._headers))
        except NotReady as error:
            if "409" not in str(error):  # made by a request whose reply was lost
                raise
        return TaskRun(self.api, self.home.airflow / "logs", dag, name)

    def list_pods(self) -> list[Any]:
        """The pods of steps that exist."""
        return list(self.core.list_namespaced_pod(NAMESPACE).items)

    def wait_for_running_pod(self, verb: str, saying: str = "", other_than: str = "") -> Any:
        """The pod of a step as soon as it runs and has logged a text."""

        def look() -> Any | None:
            for pod in self.list_pods():
                mine = pod.metadata.labels.get("nightshift-verb") == verb and pod.metadata.name != other_than
                if mine and pod.status.phase == "Running" and saying in self.log_of(pod.metadata.name):
                    return pod
            return None

        return wait_until(f"a pod of {verb} that runs and says {saying!r}", look, TIMEOUT)

    def log_of(self, pod: str) -> str:
        """The log of a pod; nothing while it cannot be had."""
        try:
            return str(self.core.read_namespaced_pod_log(pod, NAMESPACE, _preload_content=False).data.decode())
        except client.ApiException:
            return ""

    def wait_until_no_pod(self, timeout: float = 120.0) -> None:
        """Returns when there is no pod in the namespace."""
        wait_until("the end of every pod", lambda: not self.list_pods(), timeout)

    def list_stored(self, *prefixes: str) -> dict[str, str]:
        """Every object under the prefixes, with its ETag."""
        return {o.uri: o.etag for prefix in prefixes for o in self.store.list_objects(prefix)}

    def request_mlflow(self, path: str) -> Any:
        """What the registry's API answers."""
        with urllib.request.urlopen(f"{self.platform.tracking.url}/api/2.0/mlflow/{path}", timeout=30) as reply:  # noqa: S310
            return json.loads(reply.read())

    def list_version_nights(self) -> list[str]:
        """The night of every registered version."""
        actual = self.request_mlflow("model-versions/search?filter=name%3D%27flights%27&max_results=1000")
        tags = (version.get("tags", []) for version in actual.get("model_versions", []))
        return [next(t["value"] for t in known if t["key"].endswith("night")) for known in tags]

    @contextmanager
    def hold_service(self, service: str) -> Iterator[None]:
        """Stops a service's processes where they are for the length of a block: whoever calls it waits."""
        processes = self._list_service_processes(service)
        send_each(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            send_each(processes, signal.SIGCONT)

    def kill(self, service: str) -> None:
        """Kills a service at once; returns when the supervisor has started it again."""
        guard = Supervisor(self.home).read_states()[service].process
        # A guard has a reaper, which adopts what a service leaves behind: the service itself is its oldest child.
        (reaper,) = psutil.Process(guard).children()
        min(reaper.children(), key=psutil.Process.create_time).kill()

        def again() -> bool:
            state = Supervisor(self.home).read_states()[service]
            return state.process not in (0, guard)

        wait_until(f"the supervisor to start {service} again", again, 60)

    def _list_service_processes(self, name: str) -> list[psutil.Process]:
        """The processes of a service below its guard."""
        guard = Supervisor(self.home).read_states()[name].process
        return psutil.Process(guard).children(recursive=True)

    def list_workers(self) -> tuple[list[psutil.Process], list[psutil.Process]]:
        """The processes that supervise a task now, and those that run its code."""
        titled = [(_read_title(process), process) for process in find_processes_of(self.home.path)]
        mine = [(title, process) for title, process in titled if title.startswith("airflow worker -- ")]
        busy = [p for title, p in mine if "LocalExecutor" in title and "<idle>" not in title]
        return busy, [p for title, p in mine if "LocalExecutor" not in title]

    def read_service_log(self, service: str) -> str:
        """The log of a service."""
        return (self.home.logs / f"{service}.log").read_text(errors="replace")

    def run_nightshift(self, *arguments: str) -> None:
        """A step's command on this machine, outside of any pod."""
        environment = self.platform.build_step_environment("tests")
        command = [str(Path(sys.executable).parent / "nightshift"), *arguments]
        completed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
        assert completed.returncode in (0, 10), completed.stdout[-3000:] + completed.stderr[-3000:]


def _read_title(process: psutil.Process) -> str:
    """The title of a process; "" of one that has ended meanwhile, as those that parse DAGs often do."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline()).strip()
    return ""


def run_platform(environment: Mapping[str, str], *arguments: str, timeout: float = 300) -> str:
    """`python -m local_platform WORDS` in an environment of its own; returns what it said. Fails when it fails."""
    command = (sys.executable, "-m", "local_platform", *arguments)
    full = {"PATH": os.environ["PATH"], **environment}
    completed = subprocess.run(command, env=full, cwd=SOURCES, capture_output=True, text=True, timeout=timeout)
    assert completed.returncode == 0, completed.stdout[-6000:] + completed.stderr[-3000:]
    return completed.stdout
