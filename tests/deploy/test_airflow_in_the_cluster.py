"""Airflow inside the cluster, with the rights of the overlay `production` and what the chart's values say: its tasks
make the pods of steps in the other namespace, with the account of their own pod.

Needs the image of Airflow in the cluster: NIGHTSHIFT_TEST_AIRFLOW_IMAGE names it.
"""

import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kubernetes import client, config

from local_platform.services import s3_service
from local_platform.services.service import run_service
from support import airflow_pod
from support.applied_manifests import find_kubeconfig, run_kubectl
from support.free_settings import build_settings_on_free_ports
from support.manifests import Manifests
from support.pod_client import wait_until

IMAGE = os.environ.get("NIGHTSHIFT_TEST_AIRFLOW_IMAGE")
STEP_IMAGE = os.environ.get("NIGHTSHIFT_TEST_STEP_IMAGE", "nightshift-steps:local")
pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not IMAGE, reason="NIGHTSHIFT_TEST_AIRFLOW_IMAGE names no image that the cluster has"),
]
LOGIN = """
import json, sys, urllib.request
body = json.dumps({"username": "ana", "password": sys.argv[1]}).encode()
headers = {"Content-Type": "application/json"}
token = json.load(urllib.request.urlopen(urllib.request.Request("http://localhost:8080/auth/token", body, headers)))
cookie = {"Cookie": "_token=" + token["access_token"]}
page = urllib.request.Request("http://localhost:8080/nightshift/docs", headers=cookie)
print(urllib.request.urlopen(page).status)
"""


@dataclass(frozen=True)
class Site:
    """Two namespaces: Airflow's, and that of its steps."""

    airflow: str
    steps: str
    core: client.CoreV1Api

    def run(self, part: str, *command: str) -> str:
        """What a command in one of Airflow's containers says."""
        return run_kubectl("exec", "--namespace", self.airflow, "airflow", "-c", part, "--", *command)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_service.S3Server]:
    """An S3 server that pods reach."""
    home = tmp_path_factory.mktemp("s3")
    server = config.new_client_from_config(str(find_kubeconfig())).configuration.host
    address = os.environ.get("NIGHTSHIFT_TEST_HOST_ADDRESS") or str(urlsplit(server).hostname)
    keys = s3_service.define_identities("platform-key", "steps-key", "mlflow-key", "viewer-key")
    # Not of the system's own choice: it gives such ports of this address to the connections of the cluster.
    chosen = build_settings_on_free_ports(address)
    s3 = s3_service.S3Server(
        home, s3_service.Ports.assign_consecutive(chosen.s3_port, chosen.s3_inner_ports), keys, address=address
    )
    with run_service(s3_service.define_service(s3), home / "log"):
        yield s3


@pytest.fixture(scope="module")
def site(storage: s3_service.S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The overlay `production` under other names, its Secrets, and Airflow."""
    end = uuid.uuid4().hex[:8]
    names = {"airflow": f"airflow-{end}", "nightshift": f"steps-{end}"}
    admin = config.new_client_from_config(str(find_kubeconfig()))
    actual = Site(names["airflow"], names["nightshift"], client.CoreV1Api(admin))
    manifests = Manifests.render_overlay("production")
    identities = {identity.name: identity.build_environment() for identity in storage.identities}
    where = {"NIGHTSHIFT_S3_ENDPOINT": storage.endpoint, "NIGHTSHIFT_S3_BUCKET": "nightshift"}
    more = {**where, **identities["viewer"], "NIGHTSHIFT_STEP_IMAGE": STEP_IMAGE, "NIGHTSHIFT_NAMESPACE": actual.steps}
    objects = [
        *airflow_pod.rename_namespaces(manifests.objects, names),
        _of("ServiceAccount", "airflow-scheduler", actual.airflow),
        _of("Secret", "nightshift-airflow", actual.airflow, stringData=airflow_pod.build_secret()),
        _of("Secret", "nightshift-steps", actual.steps, stringData=identities["steps"]),
    ]
    pod = airflow_pod.build_pod(manifests, str(IMAGE), admin.configuration.host, more)
    try:
        _apply(tmp_path_factory.mktemp("site"), [_with_storage(stored, where) for stored in objects])
        wait_until("the pod to be accepted", lambda: _made(actual, pod))
        wait_until("Airflow", lambda: _healthy(actual), timeout=600)
        yield actual
    finally:
        run_kubectl("delete", "namespace", *names.values(), "--ignore-not-found", "--timeout=140s")


def test_the_parts_live_by_the_probes_of_the_values(site: Site) -> None:
    for part in ("scheduler", "triggerer", "dag-processor"):
        # A cluster asks again, too, when one of them has not told of itself in time.
        parts = wait_until(f"{part} to be found alive", partial(_answer, site, part, *airflow_pod.probe(part)))
        assert "Found one alive job" in parts


def test_a_task_makes_its_pod_in_the_namespace_of_the_steps(site: Site) -> None:
    night = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    wait_until(
        "the DAG", lambda: _answer(site, "scheduler", "airflow", "dags", "details", "flights_replay"), timeout=120
    )
    site.run("scheduler", "airflow", "dags", "unpause", "flights_replay")
    arguments = ("--conf", json.dumps({"night": night}), "--run-id", "by-hand", "flights_replay")
    site.run("scheduler", "airflow", "dags", "trigger", *arguments)

    def look() -> str | None:
        output = site.run("scheduler", "airflow", "dags", "list-runs", "flights_replay", "-o", "json")
        (runs,) = [json.loads(line) for line in output.splitlines() if line.startswith("[{")]
        states = {run["run_id"]: run["state"] for run in runs}
        if states["by-hand"] not in ("success", "failed"):
            time.sleep(5)  # each look starts Airflow once, which takes the time that the run needs
            return None
        return str(states["by-hand"])

    assert wait_until("the run", look, timeout=300) == "success", _log(site)
    wait_until("the event of its pod's start", lambda: any(n.startswith("flights-deliver-") for n in _started(site)))
    of_tasks = {"label_selector": "kubernetes_pod_operator=True"}  # that of alias-sync stays
    wait_until("no pod", lambda: not site.core.list_namespaced_pod(site.steps, **of_tasks).items, timeout=120)


def test_somebody_who_logs_in_sees_the_pages(site: Site) -> None:
    password = uuid.uuid4().hex
    who = ("--username", "ana", "--firstname", "Ana", "--lastname", "Lyst", "--email", "ana@example.com")
    site.run("api-server", "airflow", "users", "create", *who, "--role", "Viewer", "--password", password)
    assert site.run("api-server", "python", "-c", LOGIN, password).strip().endswith("200")


def _of(kind: str, name: str, namespace: str, **fields: object) -> airflow_pod.Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **fields}


def _with_storage(document: airflow_pod.Object, where: dict[str, str]) -> airflow_pod.Object:
    if document["kind"] != "ConfigMap" or document["metadata"]["name"] != "nightshift-steps":
        return document
    return {**document, "data": {**document["data"], **where}}


def _apply(folder: Path, objects: list[airflow_pod.Object]) -> None:
    path = folder / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    path.chmod(0o600)
    run_kubectl("apply", "-f", str(path))


def _made(site: Site, pod: airflow_pod.Object) -> bool:
    """Makes a pod. Older clusters refuse it until its account has a token, which comes a moment after the account."""
    try:
        site.core.create_namespaced_pod(site.airflow, pod)
    except client.ApiException as error:
        if "API token" in str(error.body):
            return False
        raise
    return True


def _started(site: Site) -> list[str]:
    """The names of the steps' pods of which an event says that they started."""
    ready = site.core.list_namespaced_event(site.steps, field_selector="reason=Started").items
    return [event.involved_object.name for event in ready]


def _healthy(site: Site) -> bool:
    pod = site.core.read_namespaced_pod("airflow", site.airflow)
    ended = [status for status in pod.status.container_statuses or [] if status.restart_count]
    assert not ended, run_kubectl("logs", "--namespace", site.airflow, "airflow", "-c", ended[0].name, "--previous")
    ready = [status.ready for status in pod.status.container_statuses or []]
    if not ready or not all(ready):
        return False
    states = _answer(site, "api-server", "python", "-c", HEALTH).split()
    return states.count("healthy") == 4  # words: "unhealthy" is none of them


def _answer(site: Site, part: str, *command: str) -> str:
    """What a command says in one of Airflow's containers; "" when it fails."""
    try:
        return site.run(part, *command)
    except AssertionError:
        return ""


def _log(site: Site) -> str:
    return site.run("scheduler", "sh", "-c", "cat $(find /opt/airflow/logs -name 'attempt=*.log') | tail -c 5000")


HEALTH = """
import json, urllib.request
report = json.load(urllib.request.urlopen("http://localhost:8080/api/v2/monitor/health"))
print(*(part["status"] for part in report.values()))
"""
