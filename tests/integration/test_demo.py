"""The whole platform, as `make demo` runs it: a new home, free ports, Airflow's own scheduler and backfill.

The first tests look at what the demo left. Those after them do to it what an engineer's day brings: it is run again, a
finished task is cleared, a pod is deleted in the middle of a step, a night is entered that is none.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from kubernetes import client, config

from local_platform.checkout import SOURCES
from local_platform.demo.airflow_api import AirflowApi, retry_until_answered
from local_platform.demo.night_plan import Plan, load_or_make_plan
from local_platform.demo.night_results import Night, load_night
from local_platform.errors import NotReady
from local_platform.marked_processes import find_processes_of
from local_platform.one_machine import settings
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import VERBS
from nightshift.results import build_result_key
from nightshift.settings import StorageSettings
from support.free_settings import build_settings_on_free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]
DAG, REPLAY = "flights_nightly", "flights_replay"
TIMEOUT = 420.0


@dataclass(frozen=True)
class Demo:
    """One finished demo, and the ways into it."""

    home: Home
    output: str
    plan: Plan
    platform: Platform
    store: ObjectStore
    api: AirflowApi

    def nights(self) -> dict[str, Night]:
        """The nights by how they ended; of several that ended alike, the last."""
        actual = [load_night(self.store, self.plan.model, night) for night in self.plan.nights]
        return {night.ending: night for night in actual}

    def tasks(self, night: date) -> dict[str, str]:
        """The state of each task of a night's run, as Airflow has it."""
        run = self.api.read_runs(DAG, night, night, "UTC")[night]
        return self.api.read_tasks(DAG, run)

    def pods(self) -> list[client.V1Pod]:
        """The pods of steps that exist."""
        api = client.CoreV1Api(config.new_client_from_config(str(self.home.kubeconfig)))
        return list(api.list_namespaced_pod("nightshift").items)

    def log_of(self, pod: str) -> str:
        """The log of a pod; nothing while it cannot be had."""
        api = client.CoreV1Api(config.new_client_from_config(str(self.home.kubeconfig)))
        try:
            return str(api.read_namespaced_pod_log(pod, "nightshift", _preload_content=False).data.decode())
        except client.ApiException:
            return ""

    def delete_pod(self, name: str) -> None:
        """Deletes a pod at once."""
        api = client.CoreV1Api(config.new_client_from_config(str(self.home.kubeconfig)))
        api.delete_namespaced_pod(name, "nightshift", grace_period_seconds=0)

    def stored(self, *prefixes: str) -> dict[str, str]:
        """Every object under the prefixes, with its ETag."""
        return {o.uri: o.etag for prefix in prefixes for o in self.store.list_objects(prefix)}

    def versions(self) -> dict[int, str]:
        """Every registered version and its night."""
        url = f"/api/2.0/mlflow/model-versions/search?filter=name%3D%27{self.plan.model}%27&max_results=1000"
        reply = _json(self.platform.tracking.url + url)
        tagged = {int(v["version"]): v.get("tags", []) for v in reply.get("model_versions", [])}
        return {v: next(t["value"] for t in tags if t["key"].endswith("night")) for v, tags in tagged.items()}

    def of_the_clock(self) -> dict[str, str]:
        """The state of each run that the clock began, by its name."""
        pages = (self.api._get(f"/api/v2/dags/{dag}/dagRuns?run_type=scheduled&limit=100") for dag in (DAG, REPLAY))
        return {f"{run['dag_id']} {run['dag_run_id']}": run["state"] for page in pages for run in page["dag_runs"]}


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310 - our own server
        return json.loads(reply.read())


def _run(home: Path, command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "NIGHTSHIFT_HOME": str(home)}
    arguments = (sys.executable, "-m", "local_platform", command)
    return subprocess.run(arguments, env=environment, cwd=SOURCES, capture_output=True, text=True, timeout=2400)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = Home(tmp_path_factory.mktemp("d") / "h")
    home.path.mkdir()
    chosen = build_settings_on_free_ports()
    home.settings.write_text(settings.render_settings(chosen))
    try:
        completed = _run(home.path, "demo")
        assert completed.returncode == 0, completed.stdout[-6000:] + completed.stderr[-3000:]
        platform = Platform(home, settings.read_settings(home))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in platform.build_step_secrets().items():
                patch.setenv(name, value)
            store = ObjectStore(StorageSettings(endpoint=platform.storage.endpoint))
        api = AirflowApi(f"http://127.0.0.1:{chosen.airflow_port}", "admin", platform.settings.admin_password)
        yield Demo(home, completed.stdout, load_or_make_plan(home.path / "demo.json", date.max), platform, store, api)
    finally:
        ended = _run(home.path, "down")
        left = find_processes_of(home.path)
    assert ended.returncode == 0, ended.stdout
    assert left == []


def test_it_promotes_refuses_and_blocks_and_says_so(demo: Demo) -> None:
    for word in ("PROMOTED", "REFUSED", "BLOCKED", "corrupted on purpose"):
        assert word in demo.output
    assert set(demo.nights()) == {"promoted", "refused", "blocked"}
    assert demo.platform.settings.admin_password in demo.output
    assert demo.platform.airflow.url in demo.output


def test_each_night_shows_in_airflow_as_it_ended(demo: Demo) -> None:
    ended = demo.nights()
    steps = ("validate", "train", "evaluate", "promote", "score")
    assert demo.tasks(ended["promoted"].night) == dict.fromkeys(steps, "success")
    assert demo.tasks(ended["refused"].night) == {**dict.fromkeys(steps, "success"), "promote": "skipped"}
    assert demo.tasks(ended["blocked"].night) == {**dict.fromkeys(steps, "upstream_failed"), "validate": "failed"}


def test_the_nights_were_a_backfill_of_the_scheduler(demo: Demo) -> None:
    for night in demo.plan.nights:
        assert demo.api.read_runs(DAG, night, night, "UTC")[night].id.startswith("backfill__")


def test_a_refused_night_is_scored_with_the_champion_that_stands(demo: Demo) -> None:
    refused = demo.nights()["refused"]
    evaluated, scored = refused.results["evaluate"].detail, refused.results["score"].detail
    assert evaluated.verdict.interval[0] <= 0
    assert scored.version == evaluated.champion_version
    assert scored.rows > 500


def test_every_result_names_the_run_that_caused_it(demo: Demo) -> None:
    promoted = demo.nights()["promoted"]
    for verb in VERBS:
        result = demo.store.get_json(demo.store.build_uri(build_result_key(demo.plan.model, promoted.night, verb)))
        assert result is not None
        assert result["caused_by"].startswith(f"{DAG}:backfill__")


def test_what_blocks_a_night_has_a_page(demo: Demo) -> None:
    failed = [dataset for dataset in demo.nights()["blocked"].datasets if dataset.failed]
    assert failed
    assert all(dataset.page for dataset in failed)


def test_the_ledger_ends_with_the_champion_of_the_registry(demo: Demo) -> None:
    entries = demo.store.list_objects(demo.store.build_uri(f"ledger/{demo.plan.model}/"))
    last = demo.store.get_json(entries[-1].uri)
    url = f"/api/2.0/mlflow/registered-models/alias?name={demo.plan.model}&alias=champion"
    alias = _json(demo.platform.tracking.url + url)
    assert last is not None
    assert last["champion"]["version"] == int(alias["model_version"]["version"])


def test_there_is_one_version_for_each_night_that_trained(demo: Demo) -> None:
    trained = [n.isoformat() for n in demo.plan.nights if n != demo.plan.corrupted]
    last = demo.plan.nights[-1].isoformat()  # another day may have ended meanwhile
    assert sorted(night for night in demo.versions().values() if night <= last) == trained


def test_no_pod_is_left(demo: Demo) -> None:
    _wait("the end of every pod (the replay runs as soon as it is unpaused)", lambda: not demo.pods())


def test_every_service_listens_on_this_machine_only(demo: Demo) -> None:
    listening = set()
    for process in find_processes_of(demo.home.path):
        with suppress(psutil.NoSuchProcess):  # Airflow starts and ends processes all the time
            actual = process.net_connections("inet")
            listening |= {c.laddr.ip for c in actual if c.status == psutil.CONN_LISTEN}
    assert listening
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_no_secret_is_in_a_log_or_on_a_command_line(demo: Demo) -> None:
    secrets = [
        value
        for name, value in vars(demo.platform.settings).items()
        if name.endswith(("_key", "_password")) and isinstance(value, str)
    ]
    assert len(secrets) > 8
    logs = [path for folder in (demo.home.logs, demo.home.airflow / "logs") for path in folder.rglob("*.log*")]
    assert logs
    output = [path.read_text(errors="replace") for path in logs]
    for process in find_processes_of(demo.home.path):
        with suppress(psutil.NoSuchProcess):
            output.append(" ".join(process.cmdline()))
    assert [s[:4] for s in secrets if any(s in text for text in output)] == []


def test_run_again_it_changes_nothing(demo: Demo) -> None:
    def again() -> None:
        completed = _run(demo.home.path, "demo")
        assert completed.returncode == 0, completed.stdout[-3000:]
        for word in ("PROMOTED", "REFUSED", "BLOCKED"):
            assert completed.stdout.count(word) == demo.output.count(word)

    before, after = _around(demo, again, lambda: (demo.stored("s3://nightshift/", "s3://lake/"), demo.versions()))
    assert after == before


def _around(demo: Demo, act: Callable[[], None], look: Callable[[], Any]) -> tuple[Any, Any]:
    """What is seen before and after something is done; done once more when the clock began a run meanwhile.

    The replay runs as soon as it is unpaused; both run again around midnight.
    """

    def settled() -> dict[str, str] | None:
        runs = demo.of_the_clock()
        is_over = any(name.startswith(REPLAY) for name in runs) and {*runs.values()} <= {"success", "failed"}
        return runs if is_over and not demo.pods() else None

    while True:
        runs = _wait("the end of what the clock began", settled)
        before = look()
        act()
        after = look()
        if demo.of_the_clock() == runs:
            return before, after


def _wait(description: str, done: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + TIMEOUT
    while not (actual := done()):
        assert time.monotonic() < deadline, f"{description} did not happen within {TIMEOUT:.0f} s"
        time.sleep(0.2)
    return actual


def _post(demo: Demo, path: str, body: dict[str, Any]) -> Any:
    return retry_until_answered(lambda: demo.api._call("POST", f"/api/v2/dags/{DAG}/{path}", body, demo.api._headers))


def _state(demo: Demo, run: str) -> str:
    return str(demo.api._get(f"/api/v2/dags/{DAG}/dagRuns/{run}")["state"])


def _publications(demo: Demo) -> dict[str, str]:
    remaining = demo.stored(
        "s3://nightshift/scores/", "s3://nightshift/data/", "s3://nightshift/ledger/", "s3://nightshift/docs/"
    )
    return {uri: etag for uri, etag in remaining.items() if "/_index" not in uri}


def test_a_cleared_night_finds_its_work_done(demo: Demo) -> None:
    night = demo.nights()["refused"].night
    run = demo.api.read_runs(DAG, night, night, "UTC")[night]

    def clear() -> None:
        _post(demo, "clearTaskInstances", {"dry_run": False, "dag_run_id": run.id, "only_failed": False})
        _wait("the rerun", lambda: _state(demo, run.id) != "success")
        _wait("its end", lambda: _state(demo, run.id) == "success")

    before, after = _around(demo, clear, lambda: (demo.versions(), _publications(demo)))
    assert demo.tasks(night)["promote"] == "skipped"
    assert after == before
    assert load_night(demo.store, demo.plan.model, night).results["train"].detail.reused is True


def test_a_pod_deleted_in_the_middle_of_training_leaves_one_version(demo: Demo) -> None:
    night = demo.plan.nights[0] - timedelta(days=1)
    body = {"logical_date": None, "conf": {"night": night.isoformat()}, "dag_run_id": "by_hand"}
    _post(demo, "dagRuns", body)

    def training() -> list[str]:
        return [
            pod.metadata.name
            for pod in demo.pods()
            if pod.metadata.labels.get("nightshift-verb") == "train"
            and pod.status.phase == "Running"
            and "holdout: " in demo.log_of(pod.metadata.name)
        ]

    # In the middle: it knows its nights and begins to read them.
    demo.delete_pod(_wait("a training pod", training)[0])
    _wait("the end of the run", lambda: _state(demo, "by_hand") in ("success", "failed"))
    assert _state(demo, "by_hand") == "success"
    tries = demo.api._get(f"/api/v2/dags/{DAG}/dagRuns/by_hand/taskInstances/train")["try_number"]
    assert tries == 2
    assert list(demo.versions().values()).count(night.isoformat()) == 1
    _wait("the end of every pod", lambda: not demo.pods())
    promote = load_night(demo.store, demo.plan.model, night).results["promote"]
    assert promote.outcome == "nothing_to_do", "an older night must never take the place of a newer champion"
    assert promote.detail.champion_night > night


@pytest.mark.parametrize("night", ["2013-02-30", "2013-02-09\n", "2013-02-09;id", "٢٠١٣-٠٢-٠٩", "x" * 300, 20130209])
def test_a_night_that_is_none_makes_no_pod(demo: Demo, night: object) -> None:
    identity = f"bad_{abs(hash(str(night)))}"
    try:
        _post(demo, "dagRuns", {"logical_date": None, "conf": {"night": night}, "dag_run_id": identity})
    except NotReady as error:
        refused = error.__cause__
    else:
        refused = None
    if refused is not None:
        assert getattr(refused, "code", None) in (400, 422), refused
        return
    _wait("the end of the run", lambda: _state(demo, identity) == "failed")
    tries = demo.api._get(f"/api/v2/dags/{DAG}/dagRuns/{identity}/taskInstances/validate")["try_number"]
    assert tries == 1
    logs = "\n".join(p.read_text() for p in (demo.home.airflow / "logs").rglob(f"*{identity}*/**/*.log"))
    assert re.search(r"night .* is not a", logs)
    assert "nightshift-step" not in logs
