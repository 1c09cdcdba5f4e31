"""Two nights under docker compose while every service is restarted or killed in the middle of them: nothing is lost.

The nights are a backfill that Airflow's own scheduler runs. One service after the other goes down while a step runs, by
a restart as in a deployment, or by SIGKILL to all of its processes.
"""

import json
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from local_platform.compose.secret_files import SECRETS
from local_platform.demo.airflow_api import AirflowApi, Busy, Run
from local_platform.demo.night_plan import Plan, list_days, list_history
from local_platform.services.service import fetch
from nightshift import catalog
from support.compose_project import SERVERS, Project, wait_until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]
MODEL = "flights"
DAG = "flights_nightly"
STEPS = ("validate", "train", "evaluate", "promote", "score")
LENGTH = 420.0
"""Seconds that a night may take, with two retries in it."""
ANY = ""
"""Whichever step runs."""
FAULTS: tuple[tuple[tuple[str, str, str], ...], ...] = (
    (
        ("validate", "restart", "api-server"),
        ("train", "crash", "cluster"),
        ("evaluate", "crash", "scheduler"),
        (ANY, "restart", "triggerer"),
        (ANY, "restart", "dag-processor"),
        (ANY, "crash", "alias-sync"),
    ),
    (("train", "crash", "mlflow"), ("evaluate", "crash", "postgres"), ("score", "crash", "s3")),
)
"""What happens while which step runs, night by night. The second begins with `train`: its `validate` is short and may
be over before it is looked for."""
LOOK = """
import json, sys
from datetime import date
from local_platform.demo.night_results import load_night
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.settings import StorageSettings, read

store, model, nights = ObjectStore(read(StorageSettings)), sys.argv[1], sys.argv[2:]
ended = {night: load_night(store, model, date.fromisoformat(night)) for night in nights}
listed = lambda prefix: [o.uri for o in store.list_objects(store.build_uri(prefix))]
names = lambda prefix: [uri.removeprefix(store.build_uri(prefix)) for uri in listed(prefix)]
print(json.dumps({
    "endings": {night: found.ending for night, found in ended.items()},
    "scored": {night: {"rows": found.results["score"].detail.rows} for night, found in ended.items()},
    "scores": names(f"scores/{model}/"),
    "ledger": [store.get_json(uri)["champion"]["version"] for uri in listed(f"ledger/{model}/")],
}))
"""
PODS = (
    "from kubernetes import client, config; config.load_kube_config();"
    "print(len(client.CoreV1Api().list_namespaced_pod('nightshift').items))"
)


@dataclass
class Nights:
    """The two nights, and what was done to the platform in the middle of them."""

    project: Project
    plan: Plan
    api: AirflowApi
    done: list[tuple[str, str, str]] = field(default_factory=list)
    hits: list[tuple[date, str, datetime]] = field(default_factory=list)

    def run_of(self, night: date) -> Run | None:
        return self.api.read_runs(DAG, night, night, "UTC").get(night)

    def has_ended(self, night: date) -> bool:
        # The API server is one of those that go down; it may be away for longer than it is asked again.
        with suppress(Busy):
            run = self.run_of(night)
            return run is not None and run.ended
        return False

    def states(self, night: date) -> dict[str, str]:
        run = self.run_of(night)
        return self.api.read_tasks(DAG, run) if run else {}

    def look(self) -> dict[str, Any]:
        """What the nights left in object storage."""
        arguments = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "python", "steps", "-c", LOOK, MODEL)
        document: dict[str, Any] = json.loads(self.project.read_output(*arguments, *map(str, self.plan.nights)))
        return document

    def running(self, night: date, verb: str) -> str:
        """The step of a night that runs, if it is the one that is looked for."""
        actual: list[str] = []
        with suppress(Busy):
            actual = [name for name, state in self.states(night).items() if state == "running"]
        return actual[0] if actual and verb in (ANY, *actual) else ""

    def ended_at(self, night: date, verb: str) -> datetime:
        """When a task of a night ended, at its last try."""
        run = self.run_of(night)
        assert run is not None
        task = self.api._get(f"/api/v2/dags/{DAG}/dagRuns/{quote(run.id)}/taskInstances/{verb}")
        return datetime.fromisoformat(task["end_date"])

    def suffer(self, night: date, verb: str, kind: str, service: str) -> Callable[[], None]:
        """Has a service go down while a step of a night runs. Returns what waits until it is back."""
        running = wait_until(f"{verb or 'a step'} of {night} to run", lambda: self.running(night, verb), LENGTH)
        time.sleep(1)  # in the middle: its pod has begun to work
        fault: Callable[[str], Callable[[], None]] = getattr(self.project, kind)
        self.hits.append((night, running, datetime.now(UTC)))
        back = fault(service)
        self.done.append((verb, kind, service))
        return back


def _logged_in(project: Project) -> AirflowApi:
    password = project.execute("api-server", "cat", "/run/keys/admin-password").strip()
    return AirflowApi(f"http://127.0.0.1:{project.variables['NIGHTSHIFT_AIRFLOW_PORT']}", "admin", password)


def _prepare(project: Project, plan: Plan) -> None:
    """Lands the data and adopts the nights before, as the README says."""
    project.read_output("run", "--rm", "-T", "steps", "seed", MODEL)
    for first, last in list_history(plan, catalog.load_model(MODEL)):
        arguments = ("run", "--rm", "-T", "--no-deps", "steps", "validate", MODEL, f"{first}..{last}")
        project.compose(*arguments, timeout=900)


def _begin(project: Project, plan: Plan) -> None:
    first, last = plan.nights[0], f"{plan.nights[-1]}T23:59:59"
    dates = ("--from-date", str(first), "--to-date", last, "--max-active-runs", "1")
    project.read_output("exec", "-T", "scheduler", "airflow", "backfill", "create", "--dag-id", DAG, *dates)
    project.read_output("exec", "-T", "scheduler", "airflow", "dags", "unpause", DAG, "--yes")


@pytest.fixture(scope="module")
def nights(project: Project) -> Nights:
    """The nights, ended."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    plan = Plan(MODEL, tuple(list_days(yesterday - timedelta(days=1), yesterday)), yesterday)
    actual = Nights(project, plan, _logged_in(project))
    wait_until("the DAG to be parsed", lambda: actual.api.has_dag(DAG))
    _prepare(project, plan)
    _begin(project, plan)
    for night, faults in zip(plan.nights, FAULTS, strict=True):
        # The next step does not wait until a service is back.
        for back in [actual.suffer(night, *fault) for fault in faults]:
            back()
        wait_until(f"the end of {night}", partial(actual.has_ended, night), LENGTH)
    return actual


def test_every_service_went_down_in_the_middle_of_a_step(nights: Nights) -> None:
    assert nights.done == [fault for faults in FAULTS for fault in faults]
    assert {service for _, _, service in nights.done} == set(SERVERS)
    for night, verb, at in nights.hits:
        assert nights.ended_at(night, verb) > at, f"{verb} of {night} had ended before it was disturbed"


def test_every_night_succeeded(nights: Nights) -> None:
    for night in nights.plan.nights:
        run = nights.run_of(night)
        assert run is not None
        assert run.state == "success"
        assert set(nights.states(night)) == set(STEPS)
        assert set(nights.states(night).values()) <= {"success", "skipped"}


def test_the_first_night_was_promoted_and_the_second_decided(nights: Nights) -> None:
    endings = list(nights.look()["endings"].values())
    assert endings[0] == "promoted"
    assert endings[1] in ("promoted", "refused")


def test_each_night_was_published_once(nights: Nights) -> None:
    actual = nights.look()
    after = f"date={nights.plan.nights[-1] + timedelta(days=2)}"  # of a night that began meanwhile, at midnight
    manifests = [name for name in actual["scores"] if name.endswith("_MANIFEST.json") and name < after]
    partitions = {f"date={night + timedelta(days=1)}/_MANIFEST.json" for night in nights.plan.nights}
    assert sorted(manifests) == sorted(partitions)
    assert all(actual["scored"][str(night)]["rows"] > 100 for night in nights.plan.nights)


def test_each_night_has_one_version_and_the_champion_is_the_ledgers(nights: Nights) -> None:
    base = f"http://127.0.0.1:{nights.project.variables['NIGHTSHIFT_MLFLOW_PORT']}/api/2.0/mlflow"
    versions = _json(f"{base}/model-versions/search?filter=name%3D%27{MODEL}%27")["model_versions"]
    tagged = [{tag["key"]: tag["value"] for tag in version["tags"]} for version in versions]
    of_night = [next(value for key, value in tags.items() if key.endswith("night")) for tags in tagged]
    last = str(nights.plan.nights[-1])  # one that began meanwhile, at midnight, may have a version as well
    assert sorted(night for night in of_night if night <= last) == [str(night) for night in nights.plan.nights]
    alias = _json(f"{base}/registered-models/alias?name={MODEL}&alias=champion")["model_version"]["version"]
    assert nights.look()["ledger"][-1] == int(alias)


def test_no_pod_is_left(nights: Nights) -> None:
    def none_left() -> bool:
        return nights.project.execute("scheduler", "python", "-c", PODS).strip() == "0"

    wait_until("the end of every pod", none_left)


def test_the_log_of_a_step_is_shown(nights: Nights) -> None:
    night = nights.plan.nights[0]
    run = nights.run_of(night)
    assert run is not None
    reply = nights.api._get(f"/api/v2/dags/{DAG}/dagRuns/{run.id}/taskInstances/score/logs/1?full_content=true")
    assert f"score {MODEL} {night}" in json.dumps(reply) or "predictions" in json.dumps(reply)


def test_data_docs_are_served_to_whoever_is_logged_in(nights: Nights) -> None:
    url = f"http://127.0.0.1:{nights.project.variables['NIGHTSHIFT_AIRFLOW_PORT']}/nightshift/docs/{MODEL}"
    night = nights.plan.nights[0]
    request = urllib.request.Request(f"{url}/{night}", headers=nights.api._headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        page = reply.read().decode()
    assert str(night) in page
    assert "weather" in page
    assert fetch(f"{url}/{night}") is None or str(night) not in str(fetch(f"{url}/{night}"))


def test_no_secret_is_in_any_log_of_the_nights(nights: Nights) -> None:
    script = "cat /run/keys/all/*"
    secrets = nights.project.read_output("run", "--rm", "-T", "--no-deps", "keys", "sh", "-c", script).split()
    assert len(secrets) == len(SECRETS)
    tasks = nights.project.execute("scheduler", "sh", "-c", "find /opt/airflow/logs -type f | xargs cat")
    assert "wins without a champion" in tasks
    output = tasks + nights.project.read_logs()
    assert [secret[:4] for secret in secrets if secret in output] == []


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310 - our own server
        return json.loads(reply.read())
