"""Running the demo's nights as Airflow backfills, one night after the other, and watching them."""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import models
from local_platform.demo import night_results
from local_platform.demo.airflow_api import AirflowApi, Busy, Run
from local_platform.demo.night_plan import Plan, days
from local_platform.errors import NotReady
from local_platform.one_machine.progress import Doing, Progress
from nightshift.adapters.storage import ObjectStore
from nightshift.definition import VERBS

PARSING = 180.0
"""Seconds that Airflow has to read the DAG files after its start."""
PATIENCE = 300.0
"""Seconds without any change in a night's tasks after which it is given up."""
WORDS = {"success": "done", "skipped": "skipped", "failed": "failed", "upstream_failed": "not run", "running": "runs"}


@dataclass(frozen=True)
class Backfills:
    """The nights of one plan, in one Airflow."""

    api: AirflowApi
    plan: Plan
    store: ObjectStore
    progress: Progress

    @property
    def dag(self) -> str:
        """The nightly DAG of the plan's model."""
        return f"{self.plan.model}_nightly"

    @property
    def timezone(self) -> str:
        """The zone in which the DAG's nights begin."""
        return models.load(self.plan.model).schedule.timezone

    def run(self) -> None:
        """Runs the nights that are not finished and waits for each. Raises `NotReady` when one does not move."""
        self._wait_until_parsed()
        for first, last in self.plan.ranges():
            pending = [night for night in days(first, last) if not self._loaded(night).finished]
            if pending:
                self._ask(first, last, pending)
                self.api.unpause(self.dag)
            for night in pending:
                self._again(night)
                self._follow(night)

    def go_on(self) -> None:
        """Leaves the nightly schedule running, and the stand-in for the delivery of its data."""
        self.api.unpause(self.dag)
        if models.load(self.plan.model).replay:
            self.api.unpause(f"{self.plan.model}_replay")

    def _loaded(self, night: date) -> night_results.Night:
        return night_results.load(self.store, self.plan.model, night)

    def _runs(self, first: date, last: date) -> dict[date, Run]:
        return self.api.runs(self.dag, first, last, self.timezone)

    def _wait_until_parsed(self) -> None:
        deadline = time.monotonic() + PARSING
        while not self.api.knows(self.dag):
            if time.monotonic() > deadline:
                wrong = self.api.import_errors()
                raise NotReady(f"Airflow does not know the DAG {self.dag}: {'; '.join(wrong) or 'see make logs'}")
            time.sleep(0.3)

    def _ask(self, first: date, last: date, pending: list[date]) -> None:
        """Asks for the runs that are missing. Paused, the DAG starts no run of its own before they exist."""
        deadline = time.monotonic() + PATIENCE
        while set(pending) - set(self._runs(first, last)):
            if not self.api.is_backfilling(self.dag):
                # A busy Airflow may have made some of the runs: what is missing is asked for once more.
                with suppress(Busy):
                    self.api.backfill(self.dag, first, last, self.timezone)
                    return
            if time.monotonic() > deadline:
                raise NotReady(f"another backfill of {self.dag} is under way: wait until it has ended, or cancel it")
            time.sleep(1)

    def _again(self, night: date) -> None:
        """Has what failed in an earlier demo run again."""
        run = self._runs(night, night).get(night)
        if run and run.ended:
            self.api.clear_failed(self.dag, run)

    def _follow(self, night: date) -> None:
        with self.progress.doing(f"Night {night}") as doing:
            seen, changed = "", time.monotonic()
            while not (run := self._runs(night, night).get(night)) or not run.ended:
                now = self._tell(run, doing)
                if now != seen:
                    seen, changed = now, time.monotonic()
                elif time.monotonic() - changed > PATIENCE:
                    raise NotReady(f"night {night} has not moved for {PATIENCE:.0f} s ({seen}): see make logs")
                time.sleep(0.5)
            doing.result = self._loaded(night).ending

    def _tell(self, run: Run | None, doing: Doing) -> str:
        states = self.api.tasks(self.dag, run) if run else {}
        told = ", ".join(f"{verb} {WORDS.get(states[verb], states[verb])}" for verb in VERBS if states.get(verb))
        doing.now(told or "waiting for the scheduler")
        return told
