"""The few things the demo asks of Airflow's public REST API."""

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

ENDED = {"success", "failed"}
PATIENCE = 60.0
"""Seconds for which a busy Airflow is asked again."""
LONGEST_PERIOD = timedelta(days=31)
"""The longest that a definition allows between the first day of a run's interval and its night."""
PAUSE = 1.0
"""Seconds between two tries."""


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
        """Whether it is over."""
        return self.state in ENDED


class AirflowApi:
    """The API of one Airflow, as one of its users. Every method raises `NotReady` when it refuses.

    While it is `Busy`, everything but `backfill` is asked again for a minute: SQLite has one writer at a time, and on a
    busy machine the API answers 500 ("database is locked") once in a while.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        known = {"username": user, "password": password}
        reply = until_answered(lambda: self._call("POST", "/auth/token", known, {}))
        self._headers = {"Authorization": f"Bearer {reply['access_token']}"}

    def knows(self, dag: str) -> bool:
        """Whether the DAG was parsed already."""
        return self._found(f"/api/v2/dags/{dag}") is not None

    def import_errors(self) -> list[str]:
        """What went wrong when DAG files were parsed."""
        found = self._get("/api/v2/importErrors")["import_errors"]
        return [f"{one['filename']}: {one['stack_trace'].strip().splitlines()[-1]}" for one in found]

    def unpause(self, dag: str) -> None:
        """Lets the scheduler run the DAG."""
        path = f"/api/v2/dags/{dag}?update_mask=is_paused"
        until_answered(lambda: self._call("PATCH", path, {"is_paused": False}, self._headers))

    def backfill(self, dag: str, first: date, last: date, timezone: str) -> None:
        """Asks for the missing runs of the nights from `first` to `last`, one after the other.

        Raises `Busy` when it is not known whether Airflow made them.
        """
        zone = ZoneInfo(timezone)
        asked = {
            "dag_id": dag,
            "from_date": datetime.combine(first, clock.min, zone).isoformat(),
            "to_date": datetime.combine(last, clock.min, zone).isoformat(),
            "max_active_runs": 1,
        }
        self._call("POST", "/api/v2/backfills", asked, self._headers)

    def clear_failed(self, dag: str, run: Run) -> None:
        """Has the failed tasks of a run, and those that waited for them, run again."""
        asked = {"dag_run_id": run.id, "only_failed": True, "reset_dag_runs": True, "dry_run": False}
        path = f"/api/v2/dags/{dag}/clearTaskInstances"
        until_answered(lambda: self._call("POST", path, asked, self._headers))

    def is_backfilling(self, dag: str) -> bool:
        """Whether a backfill of the DAG is under way: there can be only one."""
        found = self._get(f"/api/v2/backfills?dag_id={dag}&limit=100")["backfills"]
        return any(one["completed_at"] is None for one in found)

    def runs(self, dag: str, first: date, last: date, timezone: str) -> dict[date, Run]:
        """The runs of the nights from `first` to `last` that have a data interval."""
        zone = ZoneInfo(timezone)
        query = {
            "logical_date_gte": datetime.combine(first - LONGEST_PERIOD, clock.min, zone).isoformat(),
            "logical_date_lte": datetime.combine(last, clock(23, 59, 59), zone).isoformat(),
            "order_by": "-logical_date",
            "limit": "100",
        }
        found = self._get(f"/api/v2/dags/{dag}/dagRuns?{urllib.parse.urlencode(query)}")["dag_runs"]
        runs = (_run(record, zone) for record in found if record["data_interval_end"])
        return {run.night: run for run in runs if first <= run.night <= last}

    def tasks(self, dag: str, run: Run) -> dict[str, str]:
        """The state of each task of a run, "" for one that was not looked at yet."""
        found = self._get(f"/api/v2/dags/{dag}/dagRuns/{urllib.parse.quote(run.id)}/taskInstances")["task_instances"]
        return {one["task_id"]: one["state"] or "" for one in found}

    def _get(self, path: str) -> Any:
        return until_answered(lambda: self._call("GET", path, None, self._headers))

    def _found(self, path: str) -> Any | None:
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
            said = error.read(500).decode(errors="replace")
            kind = Busy if error.code >= 500 else NotReady
            raise kind(f"Airflow refused {method} {path.partition('?')[0]}: {error.code} {said}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise Busy(f"Airflow did not answer {method} {path.partition('?')[0]}: {error}") from error


def until_answered(call: Callable[[], Any]) -> Any:
    """The reply to a call that may be made twice."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def _run(fields: dict[str, Any], zone: ZoneInfo) -> Run:
    ends = datetime.fromisoformat(fields["data_interval_end"]).astimezone(zone)
    return Run(fields["dag_run_id"], ends.date() - timedelta(days=1), fields["state"])
