"""Calls the endpoints of Airflow's public REST API that the demo needs."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock
from http.client import HTTPException
from typing import Any
from zoneinfo import ZoneInfo

from local_platform.errors import NotReady

ENDED_STATES = {"success", "failed"}
RETRY_SECONDS = 60.0
"""Seconds for which a call to a busy Airflow is repeated."""
LONGEST_PERIOD = timedelta(days=31)
"""The longest time that a definition allows between the first day of a run's interval and its night."""
PAUSE = 1.0
"""Seconds between two attempts."""


class Busy(NotReady):
    """Airflow did not answer, or answered 5xx: the same request may succeed in a moment."""


@dataclass(frozen=True)
class Run:
    """One DAG run. `night`: the last day of its data interval, in the DAG's time zone."""

    id: str
    night: date
    state: str

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.state in ENDED_STATES


class AirflowApi:
    """The API of one Airflow, as one of its users. Every method raises `NotReady` when Airflow refuses.

    While Airflow is `Busy`, every call but `create_backfill` is repeated for a minute: SQLite has one writer at a time,
    and on a busy machine the API sometimes answers 500 ("database is locked").
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        credentials = {"username": user, "password": password}
        reply = retry_until_answered(lambda: self._call("POST", "/auth/token", credentials, {}))
        self._headers = {"Authorization": f"Bearer {reply['access_token']}"}

    def has_dag(self, dag: str) -> bool:
        """Whether the DAG was parsed already."""
        return self._get_if_there(f"/api/v2/dags/{dag}") is not None

    def read_import_errors(self) -> list[str]:
        """Returns the errors of DAG files that could not be parsed."""
        import_errors = self._get("/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in import_errors]

    def unpause(self, dag: str) -> None:
        """Lets the scheduler run the DAG."""
        path = f"/api/v2/dags/{dag}?update_mask=is_paused"
        retry_until_answered(lambda: self._call("PATCH", path, {"is_paused": False}, self._headers))

    def create_backfill(self, dag: str, first: date, last: date, timezone: str) -> None:
        """Creates a backfill of the missing nights from `first` to `last`, which runs one night at a time.

        Raises `Busy` when it is unknown whether Airflow created it.
        """
        zone = ZoneInfo(timezone)
        body = {
            "dag_id": dag,
            "from_date": datetime.combine(first, clock.min, zone).isoformat(),
            "to_date": datetime.combine(last, clock.min, zone).isoformat(),
            "max_active_runs": 1,
        }
        self._call("POST", "/api/v2/backfills", body, self._headers)

    def clear_failed(self, dag: str, run: Run) -> None:
        """Clears the failed tasks of a run and those that waited for them, so that they run again."""
        body = {"dag_run_id": run.id, "only_failed": True, "reset_dag_runs": True, "dry_run": False}
        path = f"/api/v2/dags/{dag}/clearTaskInstances"
        retry_until_answered(lambda: self._call("POST", path, body, self._headers))

    def is_backfilling(self, dag: str) -> bool:
        """Whether a backfill of the DAG is running: there can be only one."""
        backfills = self._get(f"/api/v2/backfills?dag_id={dag}&limit=100")["backfills"]
        return any(backfill["completed_at"] is None for backfill in backfills)

    def read_runs(self, dag: str, first: date, last: date, timezone: str) -> dict[date, Run]:
        """Returns the runs of the nights from `first` to `last` that have a data interval."""
        zone = ZoneInfo(timezone)
        query = {
            "logical_date_gte": datetime.combine(first - LONGEST_PERIOD, clock.min, zone).isoformat(),
            "logical_date_lte": datetime.combine(last, clock(23, 59, 59), zone).isoformat(),
            "order_by": "-logical_date",
            "limit": "100",
        }
        records = self._get(f"/api/v2/dags/{dag}/dagRuns?{urllib.parse.urlencode(query)}")["dag_runs"]
        runs = (_parse_run(record, zone) for record in records if record["data_interval_end"])
        return {run.night: run for run in runs if first <= run.night <= last}

    def read_tasks(self, dag: str, run: Run) -> dict[str, str]:
        """Returns the state of each task of a run; "" for one that is not scheduled yet."""
        tasks = self._get(f"/api/v2/dags/{dag}/dagRuns/{urllib.parse.quote(run.id)}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] or "" for task in tasks}

    def _get(self, path: str) -> Any:
        return retry_until_answered(lambda: self._call("GET", path, None, self._headers))

    def _get_if_there(self, path: str) -> Any | None:
        try:
            return self._get(path)
        except NotReady as error:
            if isinstance(error.__cause__, urllib.error.HTTPError) and error.__cause__.code == 404:
                return None
            raise

    def _call(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own http:// address
            self._url + path, data=data, headers={"Content-Type": "application/json", **headers}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            answer = error.read(500).decode(errors="replace")
            kind = Busy if error.code >= 500 else NotReady
            raise kind(f"Airflow refused {method} {path.partition('?')[0]}: {error.code} {answer}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise Busy(f"Airflow did not answer {method} {path.partition('?')[0]}: {error}") from error


def retry_until_answered(call: Callable[[], Any]) -> Any:
    """Returns the reply to a call, which is repeated while Airflow is `Busy`."""
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            return call()
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def _parse_run(fields: dict[str, Any], zone: ZoneInfo) -> Run:
    ends = datetime.fromisoformat(fields["data_interval_end"]).astimezone(zone)
    return Run(fields["dag_run_id"], ends.date() - timedelta(days=1), fields["state"])
