"""An Airflow of a test's own with all its processes but the triggerer, whose steps run in a cluster of the test."""

import json
import re
import subprocess
import time
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local_platform import new_secrets
from local_platform.demo.airflow_api import AirflowApi, retry_until_answered
from local_platform.errors import NotReady
from local_platform.services import airflow_services
from local_platform.services.airflow_services import AirflowInstance
from local_platform.services.service import build_plain_environment, run_service
from support.free_settings import find_free_ports
from support.pod_client import wait_until
from support.real_platform import TaskRun

USERS = {"admin": "operates", "analyst": "reads"}


@dataclass(frozen=True)
class Scheduled:
    """The running Airflow, as its administrator and as one who may only read."""

    orchestration: AirflowInstance
    admin: AirflowApi
    analyst: AirflowApi

    def start(self, dag: str, name: str, conf: Mapping[str, Any]) -> TaskRun:
        """Triggers a run."""
        body = {"logical_date": None, "conf": conf, "dag_run_id": name}
        self.wait_until_known(dag)
        retry_until_answered(lambda: self.admin._call("POST", f"/api/v2/dags/{dag}/dagRuns", body, self.admin._headers))
        return TaskRun(self.admin, self.orchestration.home / "logs", dag, name)

    def wait_until_known(self, dag: str) -> None:
        """Returns once Airflow has read the file of a DAG: its services answer before that."""
        wait_until(f"Airflow to know {dag}", lambda: self.admin.has_dag(dag), 240)

    def wait_for_request(self, run: TaskRun) -> dict[str, Any]:
        """What `approve` of a run asks, as soon as it waits for the answer."""
        wait_until(f"the question of {run.id}", lambda: run.read_task_states().get("approve") == "awaiting_input", 240)
        # An answer before the scheduler has seen the end of the process that asked would look to it like a task that
        # ended by itself: a fault of Airflow's LocalExecutor, and no person is as fast.
        wait_until("the end of the process that asked", lambda: not _is_working(), 60)
        wait_until("the scheduler to see it", lambda: self._has_seen_the_end(run, "approve"), 60)
        time.sleep(1)  # it says so before it has written it down
        actual: dict[str, Any] = self.admin._get(f"{run.path}/taskInstances/approve/-1/hitlDetails")
        return actual

    def _has_seen_the_end(self, run: TaskRun, task: str) -> bool:
        """Whether the scheduler knows that the process of the latest try has ended."""
        observed = re.escape(f"task_id='{task}', run_id='{run.id}', try_number={run.read_task(task)['try_number']},")
        log = (self.orchestration.home / "scheduler.log").read_text(errors="replace")
        return re.search(f"Received executor event with state success for .*{observed}", log) is not None

    def send_answer(self, run: TaskRun, option: str, reason: str = "", user: AirflowApi | None = None) -> int:
        """Answers as a user; returns the HTTP status."""
        api, body = user or self.admin, {"chosen_options": [option], "params_input": {"reason": reason}}
        path = f"{run.path}/taskInstances/approve/-1/hitlDetails"
        try:
            retry_until_answered(lambda: api._call("PATCH", path, body, api._headers))
        except NotReady as error:
            if not isinstance(error.__cause__, urllib.error.HTTPError):
                raise
            return error.__cause__.code
        return 200

    def clear_from(self, run: TaskRun, task: str) -> None:
        """Clears a task and everything after it, as people do."""
        body = {"dag_run_id": run.id, "task_ids": [task], "only_failed": False, "include_downstream": True}
        body |= {"dry_run": False, "reset_dag_runs": True}
        path = f"/api/v2/dags/{run.dag}/clearTaskInstances"
        retry_until_answered(lambda: self.admin._call("POST", path, body, self.admin._headers))

    def read_arguments(self, run: TaskRun, task: str) -> list[str]:
        """The arguments of a task's pod, as its page shows them."""
        shown = run.read_task(task)["rendered_fields"]["arguments"]
        return list(shown if isinstance(shown, list) else json.loads(shown))


def _is_working() -> bool:
    """Whether a worker of the scheduler runs a task."""
    titles = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            titles.append(" ".join(process.cmdline()))
    return any("LocalExecutor" in title and "<idle>" not in title for title in titles)


@contextmanager
def run_airflow(home: Path, dags: Path, kubeconfig: Path, viewer: Mapping[str, str]) -> Iterator[Scheduled]:
    """The Airflow for the length of a `with` block. `viewer`: the environment of whoever may look at objects."""
    home.mkdir(parents=True)
    airflow = AirflowInstance(
        home=home,
        port=find_free_ports(1)[0],
        kubeconfig=kubeconfig,
        mlflow_url="http://localhost:5000",
        passwords=USERS,
        jwt_key=new_secrets.make_key(),
        api_key=new_secrets.make_key(),
        fernet_key=new_secrets.make_fernet_key(),
        viewer=dict(viewer),
        options={
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
        },
    )
    environment = {**build_plain_environment(home), **airflow_services.build_environment(airflow)}
    subprocess.run(
        airflow_services.build_migration_command(airflow), env=environment, capture_output=True, check=True, timeout=200
    )
    with ExitStack() as services:
        for service in airflow_services.define_services(airflow):
            if service.name != "triggerer":  # a question needs none
                services.enter_context(run_service(service, home / f"{service.name}.log"))
        url = f"http://127.0.0.1:{airflow.port}"
        yield Scheduled(airflow, *(AirflowApi(url, user, password) for user, password in USERS.items()))
