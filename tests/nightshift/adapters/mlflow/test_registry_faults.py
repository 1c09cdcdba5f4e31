"""MLflow when it fails: what is waited for, what ends at once, and that no run stays open and no model half made."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import date
from itertools import count

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from nightshift.adapters.mlflow import runs
from nightshift.adapters.mlflow.connection import Server
from nightshift.adapters.mlflow.registry import KEY, NIGHT, SHA256, Registry, Version
from nightshift.adapters.mlflow.training_run import Fitted, Input, Logged, TrainingRun
from nightshift.errors import BadConfig, TryLater
from nightshift.settings import RegistrySettings
from support.faulty_proxy import FaultyProxy, ReceivedRequest, run_faulty_proxy

CANARY = "canary-8271"
HTML = b"<!DOCTYPE html><html><body>Sign in, please: canary-8271</body></html>"
TRUSTED = ("sklearn.linear_model._logistic.LogisticRegression",)
DAY = date(2013, 2, 9)
_names = (f"faulty{number}" for number in count(1))


@pytest.fixture
def proxy(mlflow_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """A proxy in front of the session's MLflow, which this process takes for MLflow."""
    with run_faulty_proxy(mlflow_server) as proxy:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.url)
        yield proxy


@pytest.fixture
def direct(mlflow_server: str) -> Server:
    """The session's MLflow, past the proxy."""
    return Server(RegistrySettings(tracking_uri=mlflow_server))


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    return Fitted(LogisticRegression().fit(rows, [0, 0, 1, 1]), rows, "classification", TRUSTED)


def store_whole(registry: Registry, name: str, fitted: Fitted) -> tuple[str, Logged, Version]:
    """A run from its begin to its end, as `train` makes one."""
    registry.prepare(name, DAY)
    with TrainingRun(registry, name, "2013-02-09", f"key of {name}", {NIGHT: DAY.isoformat()}) as run:
        run.log_inputs([Input("facts", "training", "s3://lake/x", "0123")])
        logged = run.log_model(fitted)
        run.log_numbers({"depth": 3}, {"auc": 0.5}, logged)
        run.log_files({"train.json": b"{}"})
        version = registry.register(name, run.id, logged.model_id, {KEY: f"key of {name}", SHA256: logged.sha256})
        run.finish(version, {"nightshift.version": str(version.number)})
    return run.id, logged, version


def status(server: Server, run: str) -> str:
    return str(server.get("runs/get", run_id=run)["run"]["info"]["status"])


def models_of(server: Server, run: str) -> list[str]:
    experiment = server.get("runs/get", run_id=run)["run"]["info"]["experiment_id"]
    return [model["status"] for model in runs.list_logged_models(server, experiment, run)]


def runs_of(server: Server, name: str) -> list[str]:
    experiment = runs.find_or_create_experiment(server, name)
    return [run["info"]["run_id"] for run in runs._list_runs(server, experiment, "")]


def test_a_lost_reply_to_any_request_makes_nothing_twice(proxy: FaultyProxy, direct: Server, fitted: Fitted) -> None:
    """The reply to the first request of each kind is lost after MLflow carried it out."""
    name, met = next(_names), set()

    def first_of_its_kind(request: ReceivedRequest) -> bool:
        kind = (request.method, request.path.split("?")[0].rsplit("/m-", 1)[0])
        return kind not in met and not met.add(kind)  # type: ignore[func-returns-value]

    proxy.add("lose", left=None, matches=first_of_its_kind)
    run, logged, version = store_whole(Registry(), name, fitted)
    assert len(met) > 12
    assert runs_of(direct, name) == [run]
    assert status(direct, run) == "FINISHED"
    assert models_of(direct, run) == ["LOGGED_MODEL_READY"]
    actual = direct.get("model-versions/search", filter=f"name = '{name}'", max_results="10")["model_versions"]
    assert [int(item["version"]) for item in actual] == [version.number]
    assert version.source.endswith(logged.model_id)
    outputs = direct.get("runs/get", run_id=run)["run"]["outputs"]["model_outputs"]
    assert [item["model_id"] for item in outputs] == [logged.model_id]


def test_an_outage_is_waited_out_by_all_threads(proxy: FaultyProxy, mlflow_server: str) -> None:
    assert mlflow_server
    unreachable = proxy.add("refuse", left=None)
    server = Server(RegistrySettings(tracking_uri=proxy.url), retry_seconds=60)
    ended: list[str] = []
    threads = [threading.Thread(target=lambda: ended.append(server.read_version())) for _ in range(4)]
    for thread in threads:
        thread.start()
    proxy.wait_for(20)
    proxy.remove(unreachable)
    for thread in threads:
        thread.join()
    assert len(ended) == 4


def test_a_server_that_stays_away_is_waited_for_once_and_its_setting_is_named(proxy: FaultyProxy) -> None:
    proxy.add("answer", left=None, status=503, body=HTML)
    server = Server(RegistrySettings(tracking_uri=proxy.url), retry_seconds=0.5)
    with pytest.raises(
        TryLater, match=rf"MLflow at {proxy.url} \(MLFLOW_TRACKING_URI\) failed at POST .*: 503"
    ) as raised:
        server.post("runs/search", {})
    assert CANARY not in str(raised.value)
    before = len(proxy.received)
    assert before > 2
    with pytest.raises(TryLater):
        server.post("runs/search", {})
    assert len(proxy.received) == before + 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (200, HTML, "sign-in page"),
        (200, b"[]", "sign-in page"),
        (302, HTML, "redirect"),
        (307, b"", "redirect"),
        (401, HTML, "MLFLOW_TRACKING_TOKEN"),
        (403, HTML, "MLFLOW_TRACKING_TOKEN"),
        (403, b"Invalid Host header - possible DNS rebinding attack detected", "MLFLOW_SERVER_ALLOWED_HOSTS"),
        (404, HTML, "sign-in page.*MLFLOW_TRACKING_URI.*before 3.0"),
        (404, b"", "path"),
        (405, HTML, "path"),
        (400, HTML, "did not accept"),
        (400, json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": CANARY}).encode(), "INVALID_PARAMETER"),
        (501, HTML, "did not accept"),
        (503, b"Endpoint disabled due to the mlflow server running with `--no-serve-artifacts`.", "--serve-artifacts"),
    ],
)
def test_an_answer_that_no_retry_mends_ends_at_once(proxy: FaultyProxy, status: int, body: bytes, message: str) -> None:
    location = {"Location": f"{proxy.url}/login"} if status in (302, 307) else {}
    proxy.add("answer", left=None, status=status, body=body, headers=location)
    with pytest.raises(BadConfig, match=message) as raised:
        Registry().server.post("runs/create", {})
    assert len(proxy.received) == 1
    assert CANARY not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_page_that_is_not_there_is_no_missing_champion(proxy: FaultyProxy) -> None:
    """A wrong path answers 404 to everything: that says nothing of a champion."""
    proxy.add("answer", left=None, status=404, body=HTML)
    with pytest.raises(BadConfig, match="MLFLOW_TRACKING_URI"):
        Registry().find_champion("shops")


@pytest.mark.parametrize(("version", "message"), [(b"2.22.1", "3.0 or later"), (HTML, "sign-in page")])
def test_a_server_without_logged_models_is_refused_before_any_work(
    proxy: FaultyProxy, version: bytes, message: str
) -> None:
    proxy.add("answer", left=1, status=200, body=version, matches=lambda request: request.path == "/version")
    with pytest.raises(BadConfig, match=message):
        Registry().prepare(next(_names), DAY)


def test_the_version_is_asked_once_per_process(proxy: FaultyProxy) -> None:
    for _ in range(2):
        Registry().prepare(next(_names), DAY)
    assert proxy.list_paths().count("/version") == 1


def test_an_experiment_rooted_elsewhere_or_deleted_is_refused_before_any_work(
    proxy: FaultyProxy, direct: Server
) -> None:
    assert proxy
    name = next(_names)
    direct.post("experiments/create", {"name": name, "artifact_location": f"s3://{CANARY}/x"})
    with pytest.raises(BadConfig, match=rf"'{name}' of MLflow keeps its files under s3:, .*--serve-artifacts"):
        Registry().prepare(name, DAY)
    gone = next(_names)
    number = direct.post("experiments/create", {"name": gone})["experiment_id"]
    direct.post("experiments/delete", {"experiment_id": number})
    with pytest.raises(BadConfig, match=f"'{gone}' is deleted in MLflow: restore it with .*--experiment-id {number}"):
        Registry().prepare(gone, DAY)


@pytest.mark.parametrize("error", [RuntimeError("x"), SystemExit(143), KeyboardInterrupt(), TryLater("MLflow is away")])
def test_whatever_ends_it_no_run_stays_open_and_no_model_half_made(
    mlflow_environment: str, direct: Server, error: BaseException
) -> None:
    assert mlflow_environment
    registry, name = Registry(), next(_names)
    run = TrainingRun(registry, name, "2013-02-09", f"key of {name}", {NIGHT: DAY.isoformat()})

    def fail() -> None:
        with run:
            runs.create_model(direct, run._experiment, run.id, "model", "attempt")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert status(direct, run.id) == "FAILED"
    assert models_of(direct, run.id) == []


def test_a_signal_to_end_closes_the_run(mlflow_environment: str, direct: Server) -> None:
    """As the console script takes it: SIGTERM becomes SystemExit, wherever the step is."""
    assert mlflow_environment
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with (
            pytest.raises(SystemExit),
            TrainingRun(Registry(), next(_names), "2013-02-09", "k", {NIGHT: DAY.isoformat()}) as run,
        ):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert status(direct, run.id) == "FAILED"


def test_what_a_killed_attempt_left_is_closed_by_the_next_of_its_night(
    mlflow_environment: str, direct: Server, fitted: Fitted
) -> None:
    assert mlflow_environment
    registry, name = Registry(), next(_names)
    killed = TrainingRun(registry, name, "2013-02-09", "another key", {NIGHT: DAY.isoformat()})
    runs.create_model(direct, killed._experiment, killed.id, "model", "attempt")
    other = TrainingRun(registry, name, "2013-02-10", "other night", {NIGHT: "2013-02-10"})
    run, _, _ = store_whole(registry, name, fitted)
    assert status(direct, run) == "FINISHED"
    assert status(direct, killed.id) == "FAILED"
    assert models_of(direct, killed.id) == []
    assert status(direct, other.id) == "RUNNING"


def test_a_run_that_nobody_followed_is_closed_a_day_later(
    mlflow_environment: str, direct: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mlflow_environment
    registry, name = Registry(), next(_names)
    left = TrainingRun(registry, name, "2013-02-08", "k", {NIGHT: "2013-02-08"})
    registry.prepare(name, DAY)
    assert status(direct, left.id) == "RUNNING"
    now = runs._get_milliseconds()
    monkeypatch.setattr(runs, "_get_milliseconds", lambda: now + 25 * 3600 * 1000)
    registry.prepare(name, DAY)
    assert status(direct, left.id) == "FAILED"


def test_a_file_of_a_run_that_is_half_written_is_a_sentence(mlflow_environment: str, direct: Server) -> None:
    assert mlflow_environment
    registry, name = Registry(), next(_names)
    with TrainingRun(registry, name, "2013-02-09", "k", {}) as run:
        run.log_files({"train.json": b'{"run_id": '})
    assert direct
    with pytest.raises(BadConfig, match=f"train.json of run {run.id} in MLflow is no JSON"):
        registry.load_attachment(run.id, "train.json")
