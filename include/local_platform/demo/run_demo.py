"""`make demo`: four nights through the real chain, which end with a promotion, a refusal and a blocked night."""

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from local_platform.demo import night_results, summary
from local_platform.demo.airflow_api import AirflowApi
from local_platform.demo.backfills import Backfills
from local_platform.demo.data_preparation import DataPreparation
from local_platform.demo.night_plan import Plan, load_or_make_plan
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.up import start_platform
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.settings import StorageSettings


def run_demo(home: Home, progress: Progress) -> int:
    """Runs the demo and prints the summary. Returns 0 when every night ended as expected, 1 when not.

    A second run finds the finished nights, runs none of them again and prints the same.
    """
    started_at = time.monotonic()
    plan = load_or_make_plan(home.path / "demo.json", datetime.now(UTC).date())
    with ThreadPoolExecutor(1) as pool:
        preparation = BackgroundPreparation(pool, plan)
        platform = start_platform(home, progress, preparation.start)
        preparation.wait(progress)
    store = connect_to_storage(platform)
    if not has_finished(store, plan):
        api = AirflowApi(f"http://127.0.0.1:{platform.airflow.port}", "admin", platform.settings.admin_password)
        backfills = Backfills(api, plan, store, progress)
        backfills.run()
        backfills.start_schedule()
    ended = tuple(night_results.load_night(store, plan.model, night) for night in plan.nights)
    return summary.show_summary(platform, plan, ended, progress, time.monotonic() - started_at)


def connect_to_storage(platform: Platform) -> ObjectStore:
    """Returns the object storage, with the rights of the steps."""
    os.environ.update(platform.build_step_secrets())
    return ObjectStore(StorageSettings(endpoint=platform.storage.endpoint))


def has_finished(store: ObjectStore, plan: Plan) -> bool:
    """Whether every night of the plan has finished."""
    return all(night_results.load_night(store, plan.model, night).finished for night in plan.nights)


class BackgroundPreparation:
    """Prepares the data in the background while Airflow starts, because both take half a minute."""

    def __init__(self, pool: ThreadPoolExecutor, plan: Plan) -> None:
        self._pool = pool
        self._plan = plan
        self._latest = ""
        self._result: Future[str] | None = None

    def start(self, platform: Platform) -> None:
        """Starts the preparation, unless every night has finished already."""
        store = connect_to_storage(platform)
        if not has_finished(store, self._plan):
            self._result = self._pool.submit(DataPreparation(platform, self._plan, store).run, self._show_line)

    def _show_line(self, line: str) -> None:
        self._latest = line

    def wait(self, progress: Progress) -> None:
        """Waits for the preparation. Raises `NotReady` when it failed."""
        if self._result is None:
            return
        with progress.show_task("Data (while Airflow starts)") as task:
            while not self._result.done():
                task.update(self._latest)
                time.sleep(0.2)
            task.result = self._result.result()
