"""What the view says to a user without the right to a model's DAG, without storage, and when it is broken itself."""

from collections.abc import Callable, Iterator

import pytest
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi.testclient import TestClient

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import BadConfig
from nightshift.settings import StorageSettings
from nightshift_airflow.ui import champion_status, docs, history, results, versions
from nightshift_airflow.ui.app import build_application
from support.view_server import CHECK, fill

OF_MODEL = [
    "/docs/flights/2013-02-09",
    f"/docs/flights/2013-02-09/flights/{CHECK}",
    f"/docs/flights/2013-02-09/flights/{CHECK}/page",
    "/runs/flights/2013-02-09/validate",
    "/mlflow/flights/2013-02-09",
    "/history/flights",
    "/versions/flights/2",
    "/versions/flights/2/verdict.png",
]
Client = Callable[..., TestClient]


@pytest.fixture
def client(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Makes a client of the application for a user of a role, over an object store."""
    create_auth_manager()
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_URL", "http://localhost:5999")
    fill(store)
    app = build_application()

    def make(role: str | None = "viewer", over: Callable[[], ObjectStore] = lambda: store) -> TestClient:
        app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="someone", role=role)
        for module in (docs, results, history, champion_status, versions):
            monkeypatch.setattr(module, "store", over)
        return TestClient(app, raise_server_exceptions=False)

    yield make
    app.dependency_overrides.clear()


@pytest.mark.parametrize("path", OF_MODEL)
def test_who_may_not_read_the_dag_may_not_read_its_data(client: Client, path: str) -> None:
    assert client().get(path, follow_redirects=False).status_code in (200, 307)
    reply = client(role=None).get(path, follow_redirects=False)
    assert reply.status_code == 403
    assert "you may not read the DAG flights_nightly" in reply.text.replace("You", "you")


def test_the_index_lists_only_models_that_the_user_may_read(client: Client) -> None:
    assert "2013-02-09" in client().get("/docs").text
    reply = client(role=None).get("/docs")
    assert reply.status_code == 200
    assert "2013-02-09" not in reply.text


def test_promotions_list_only_models_that_the_user_may_read(client: Client) -> None:
    assert "/history/flights" in client().get("/history").text
    reply = client(role=None).get("/history")
    assert reply.status_code == 200
    assert "flights" not in reply.text
    assert "no model whose DAG you may read" in reply.text


@pytest.mark.parametrize("path", ["/docs", "/history", *OF_MODEL])
def test_storage_that_is_away_is_a_sentence(client: Client, path: str) -> None:
    unreachable = ObjectStore(StorageSettings(endpoint="http://127.0.0.1:9"), retry_seconds=0)
    reply = client(over=lambda: unreachable).get(path)
    assert reply.status_code == 503
    assert "object storage does not answer" in reply.text.replace("Object", "object")
    assert "Traceback" not in reply.text


def test_settings_that_are_wrong_are_a_sentence(client: Client) -> None:
    def wrong() -> ObjectStore:
        raise BadConfig("NIGHTSHIFT_S3_BUCKET: too short")

    reply = client(over=wrong).get("/docs")
    assert reply.status_code == 503
    assert "NIGHTSHIFT_S3_BUCKET: too short" in reply.text


def test_a_bug_shows_no_traceback(client: Client) -> None:
    def broken() -> ObjectStore:
        raise ZeroDivisionError("secret detail")

    reply = client(over=broken).get("/docs")
    assert reply.status_code == 500
    assert "secret detail" not in reply.text
    assert "log has the details" in reply.text


def test_the_filters_keep_what_was_chosen(client: Client) -> None:
    text = client().get("/docs?model=flights&outcome=failed").text
    assert '<option value="flights" selected>' in text
    assert '<option value="failed" selected>' in text
    assert "2013-02-09" in text
    assert "2013-02-09" not in client().get("/docs?outcome=passed").text


def test_a_result_is_readable_and_leads_to_its_pages(client: Client) -> None:
    text = client().get("/runs/flights/2013-02-09/validate").text
    assert f'href="/docs/flights/2013-02-09/flights/{CHECK}"' in text.replace("http://testserver", "")
    assert "rejected" in text
    assert "<script" not in text


def test_the_stored_result_is_json(client: Client) -> None:
    reply = client().get("/runs/flights/2013-02-09/train?raw=true")
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["detail"]["run_id"] == "f" * 32
