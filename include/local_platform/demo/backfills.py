"""Runs the demo's nights as Airflow backfills, one night after the other, and shows their progress."""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from local_platform.demo import night_results
from local_platform.demo.airflow_api import AirflowApi, Busy, Run
from local_platform.demo.night_plan import Plan, list_days
from local_platform.errors import NotReady
from local_platform.one_machine.progress import Progress, Task
from nightshift import catalog
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import VERBS

PARSING_TIMEOUT = 180.0
"""Seconds within which Airflow must have parsed the DAG files after its start."""
IDLE_TIMEOUT = 300.0
"""Seconds without any change in a night's tasks after which the demo gives up."""
STATE_NAMES = {
    "success": "done",
    "skipped": "skipped",
    "failed": "failed",
    "upstream_failed": "not run",
    "running": "runs",
}


@dataclass(frozen=True)
class Backfills:
    """The nights of one plan, in one Airflow."""

    api: AirflowApi
    plan: Plan
    store: ObjectStore
    progress: Progress

    @property
    def dag(self) -> str:
        """The id of the nightly DAG of the plan's model."""
        return f"{self.plan.model}_nightly"

    @property
    def timezone(self) -> str:
        """The zone in which the DAG's nights begin."""
        return catalog.load_model(self.plan.model).schedule.timezone

    def run(self) -> None:
        """Runs the nights that have not finished and waits for each. Raises `NotReady` when one makes no progress."""
        self._wait_until_parsed()
        for first, last in self.plan.list_ranges():
            pending = [night for night in list_days(first, last) if not self._load_night(night).finished]
            if pending:
                self._request_backfill(first, last, pending)
                self.api.unpause(self.dag)
            for night in pending:
                self._rerun_failed(night)
                self._follow_night(night)

    def start_schedule(self) -> None:
        """Unpauses the nightly DAG, and the DAG that replays the delivery of its data."""
        self.api.unpause(self.dag)
        if catalog.load_model(self.plan.model).replay:
            self.api.unpause(f"{self.plan.model}_replay")

    def _load_night(self, night: date) -> night_results.Night:
        return night_results.load_night(self.store, self.plan.model, night)

    def _read_runs(self, first: date, last: date) -> dict[date, Run]:
        return self.api.read_runs(self.dag, first, last, self.timezone)

    def _wait_until_parsed(self) -> None:
        deadline = time.monotonic() + PARSING_TIMEOUT
        while not self.api.has_dag(self.dag):
            if time.monotonic() > deadline:
                errors = self.api.read_import_errors()
                raise NotReady(f"Airflow does not know the DAG {self.dag}: {'; '.join(errors) or 'see make logs'}")
            time.sleep(0.3)

    def _request_backfill(self, first: date, last: date, pending: list[date]) -> None:
        """Creates the runs that are missing. While the DAG is paused, it starts no scheduled run before they exist."""
        deadline = time.monotonic() + IDLE_TIMEOUT
        while set(pending) - set(self._read_runs(first, last)):
            if not self.api.is_backfilling(self.dag):
                # A busy Airflow may have created some of the runs: those that are missing are requested again.
                with suppress(Busy):
                    self.api.create_backfill(self.dag, first, last, self.timezone)
                    return
            if time.monotonic() > deadline:
                raise NotReady(f"another backfill of {self.dag} is running: wait until it has ended, or cancel it")
            time.sleep(1)

    def _rerun_failed(self, night: date) -> None:
        """Runs the failed tasks of an earlier demo again."""
        run = self._read_runs(night, night).get(night)
        if run and run.ended:
            self.api.clear_failed(self.dag, run)

    def _follow_night(self, night: date) -> None:
        with self.progress.show_task(f"Night {night}") as task:
            last_states, changed = "", time.monotonic()
            while not (run := self._read_runs(night, night).get(night)) or not run.ended:
                states = self._show_tasks(run, task)
                if states != last_states:
                    last_states, changed = states, time.monotonic()
                elif time.monotonic() - changed > IDLE_TIMEOUT:
                    raise NotReady(
                        f"night {night} made no progress for {IDLE_TIMEOUT:.0f} s ({last_states}): see make logs"
                    )
                time.sleep(0.5)
            task.result = self._load_night(night).ending

    def _show_tasks(self, run: Run | None, task: Task) -> str:
        states = self.api.read_tasks(self.dag, run) if run else {}
        text = ", ".join(f"{verb} {STATE_NAMES.get(states[verb], states[verb])}" for verb in VERBS if states.get(verb))
        task.update(text or "waiting for the scheduler")
        return text
