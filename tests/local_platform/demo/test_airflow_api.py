"""A busy Airflow is asked again, one that refuses is not."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from local_platform.demo import airflow_api
from local_platform.demo.airflow_api import AirflowApi, Busy
from local_platform.errors import NotReady


class _Airflow(HTTPServer):
    """Answers each request with the next of `codes`, then with 200, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.codes: list[int] = []
        self.runs: list[dict[str, str]] = []
        self.received: list[str] = []


class _Answer(BaseHTTPRequestHandler):
    server: _Airflow

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.received.append(f"{self.command} {self.path}")
        body = json.dumps({"access_token": "t", "backfills": [], "dag_runs": self.server.runs}).encode()
        self.send_response(self.server.codes.pop(0) if self.server.codes else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names that the base class calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        pass


@contextmanager
def _served() -> Iterator[_Airflow]:
    with _Airflow() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Airflow]:
    monkeypatch.setattr(airflow_api, "PAUSE", 0.01)
    with _served() as server:
        yield server


def _api(airflow: _Airflow) -> AirflowApi:
    api = AirflowApi(f"http://127.0.0.1:{airflow.server_port}", "admin", "p")
    airflow.received.clear()
    return api


def test_a_locked_database_is_waited_for(airflow: _Airflow) -> None:
    api = _api(airflow)
    airflow.codes = [500, 503]
    api.unpause("m_nightly")
    assert airflow.received == ["PATCH /api/v2/dags/m_nightly?update_mask=is_paused"] * 3


@pytest.mark.parametrize(
    ("timezone", "starts", "ends"),
    [
        ("UTC", "2026-07-05T00:00:00Z", "2026-07-06T00:00:00Z"),
        ("Asia/Tokyo", "2026-07-04T15:00:00Z", "2026-07-05T15:00:00Z"),
        ("America/New_York", "2026-07-05T04:00:00Z", "2026-07-06T04:00:00Z"),
        ("UTC", "2026-06-29T04:00:00Z", "2026-07-06T04:00:00Z"),
    ],
)
def test_a_run_is_known_by_its_night_the_last_day_of_its_interval(
    airflow: _Airflow, timezone: str, starts: str, ends: str
) -> None:
    fields = {"dag_run_id": "r", "state": "success"}
    airflow.runs = [{**fields, "data_interval_start": starts, "data_interval_end": ends}]
    sunday, monday = date(2026, 7, 5), date(2026, 7, 6)
    assert list(_api(airflow).read_runs("m_nightly", sunday, sunday, timezone)) == [sunday]
    assert _api(airflow).read_runs("m_nightly", monday, monday, timezone) == {}


def test_a_login_is_tried_again_too(airflow: _Airflow) -> None:
    airflow.codes = [500]
    _api(airflow)


def test_a_refusal_stands(airflow: _Airflow) -> None:
    api = _api(airflow)
    airflow.codes = [409]
    with pytest.raises(NotReady, match="refused PATCH /api/v2/dags/m_nightly: 409"):
        api.unpause("m_nightly")
    assert len(airflow.received) == 1


def test_retries_end(airflow: _Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    api = _api(airflow)
    monkeypatch.setattr(airflow_api, "RETRY_SECONDS", 0.05)
    airflow.codes = [500] * 1000
    with pytest.raises(Busy):
        api.is_backfilling("m_nightly")


def test_what_must_not_be_asked_twice_is_not(airflow: _Airflow) -> None:
    api = _api(airflow)
    airflow.codes = [500]
    with pytest.raises(Busy):
        api.create_backfill("m_nightly", date(2026, 1, 1), date(2026, 1, 2), "UTC")
    assert len(airflow.received) == 1
