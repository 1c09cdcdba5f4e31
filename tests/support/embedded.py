"""The embedded cluster for tests, and runs of a DAG against it in a process of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client, config

from local_platform.services import embedded_cluster as platform_cluster
from local_platform.services.embedded_cluster import NAMESPACE, Cluster
from local_platform.services.service import run_service
from support.free_settings import find_free_ports

__all__ = ["Airflow", "Cluster", "Ran", "Run", "build_api", "list_pods", "read_outcome", "run_embedded_cluster"]

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "run_dag.py"


@contextmanager
def run_embedded_cluster(
    home: Path, values: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """An embedded cluster on a free port, with the steps' ConfigMap and Secret."""
    created = Cluster(home / "state", find_free_ports(1)[0], home / "kubeconfig")
    with run_service(platform_cluster.define_service(created), home / "cluster.log"):
        platform_cluster.store_step_objects(created, values or {}, secrets or {})
        yield created


def build_api(cluster: Cluster) -> client.CoreV1Api:
    """A client of the cluster."""
    return client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))


def list_pods(cluster: Cluster) -> list[Any]:
    """The pods that are there now."""
    return list(build_api(cluster).list_namespaced_pod(NAMESPACE).items)


@dataclass(frozen=True)
class Run:
    """One run to make: its configuration, and whether it has a logical date."""

    conf: dict[str, Any] = field(default_factory=dict)
    dated: bool = True


@dataclass(frozen=True)
class Ran:
    """What came of the runs: each task's state and tries, run by run, and everything that was logged."""

    runs: list[dict[str, dict[str, Any]]]
    log: str

    @property
    def states(self) -> list[dict[str, str]]:
        """Each task's state, run by run."""
        return [{name: task["state"] for name, task in tasks.items()} for tasks in self.runs]

    @property
    def errors(self) -> list[str]:
        """What tasks failed with: the last line of each traceback."""
        lines = [line for line in self.log.splitlines() if line.startswith("airflow.sdk.exceptions.")]
        return [line.split(": ", 1)[1] for line in lines]


@dataclass(frozen=True)
class Airflow:
    """One Airflow without services: a database of its own, a folder of DAGs, a cluster."""

    home: Path
    dags: Path
    kubeconfig: Path

    def build_environment(self) -> dict[str, str]:
        """The environment of its processes: nothing of this one but the path."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "OMP_NUM_THREADS": "1",
            "KUBECONFIG": str(self.kubeconfig),
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
        }

    def migrate(self) -> None:
        """Makes the database."""
        command = [str(Path(sys.executable).parent / "airflow"), "db", "migrate"]
        subprocess.run(command, env=self.build_environment(), capture_output=True, check=True, timeout=300)

    def start(self, dag: str, *runs: Run, **more: str) -> "subprocess.Popen[str]":
        """Starts runs of `dag`, one after the other, in a process of their own; `more` are environment variables."""
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), dag, *(json.dumps(asdict(run)) for run in runs)],
            env={**self.build_environment(), **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, dag: str, *runs: Run, timeout: float = 700, **more: str) -> Ran:
        """Runs of `dag` to their end, in at most `timeout` seconds."""
        return read_outcome(self.start(dag, *runs, **more), timeout)


def read_outcome(process: "subprocess.Popen[str]", timeout: float = 700) -> Ran:
    """What came of a started process. One that takes longer than `timeout` seconds is killed, and raises."""
    try:
        log, _ = process.communicate(timeout=timeout)
    finally:
        process.kill()
    last = log.rstrip().splitlines()[-1]
    if not last.startswith("[{"):
        raise AssertionError(f"the run ended without a result:\n{log[-6000:]}")
    return Ran([run["tasks"] for run in json.loads(last)], log)
