"""The demo: a handful of nights through the real chain, ending with a promotion, a refusal and a blocked night."""

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from local_platform.demo import night_results, summary
from local_platform.demo.airflow_api import AirflowApi
from local_platform.demo.backfills import Backfills
from local_platform.demo.data_preparation import Preparation
from local_platform.demo.night_plan import Plan, remembered
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.up import up
from nightshift.adapters.storage import ObjectStore
from nightshift.settings import StorageSettings


def demo(home: Home, progress: Progress) -> int:
    """Runs the demo and prints how it ended. Returns 0 when every night ended as it should, 1 when not.

    Run again it finds the finished nights, starts nothing and prints the same.
    """
    began = time.monotonic()
    plan = remembered(home.path / "demo.json", datetime.now(UTC).date())
    with ThreadPoolExecutor(1) as pool:
        beside = Beside(pool, plan)
        platform = up(home, progress, beside.start)
        beside.wait(progress)
    store = storage(platform)
    if not finished(store, plan):
        api = AirflowApi(f"http://127.0.0.1:{platform.airflow.port}", "admin", platform.settings.admin_password)
        backfills = Backfills(api, plan, store, progress)
        backfills.run()
        backfills.go_on()
    ended = tuple(night_results.load(store, plan.model, night) for night in plan.nights)
    return summary.show(platform, plan, ended, progress, time.monotonic() - began)


def storage(platform: Platform) -> ObjectStore:
    """The object storage, as the steps see it."""
    os.environ.update(platform.step_secrets())
    return ObjectStore(StorageSettings(endpoint=platform.storage.endpoint))


def finished(store: ObjectStore, plan: Plan) -> bool:
    """Whether every night of the plan has ended."""
    return all(night_results.load(store, plan.model, night).finished for night in plan.nights)


class Beside:
    """The preparation of the data, which runs beside Airflow's start, because both take half a minute."""

    def __init__(self, pool: ThreadPoolExecutor, plan: Plan) -> None:
        self._pool = pool
        self._plan = plan
        self._latest = ""
        self._result: Future[str] | None = None

    def start(self, platform: Platform) -> None:
        """Starts it, unless every night has ended already."""
        store = storage(platform)
        if not finished(store, self._plan):
            self._result = self._pool.submit(Preparation(platform, self._plan, store).run, self._told)

    def _told(self, line: str) -> None:
        self._latest = line

    def wait(self, progress: Progress) -> None:
        """Waits for it. Raises `NotReady` when it failed."""
        if self._result is None:
            return
        with progress.doing("Data (begun beside Airflow)") as doing:
            while not self._result.done():
                doing.now(self._latest)
                time.sleep(0.2)
            doing.result = self._result.result()
