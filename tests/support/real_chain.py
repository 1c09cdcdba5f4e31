"""The nights that every test here builds on: a backfill by Airflow's scheduler, with pods on the cluster."""

from dataclasses import dataclass
from datetime import date

from local_platform.demo.airflow_api import AirflowApi
from local_platform.demo.night_plan import Plan, list_days
from local_platform.demo.night_results import Night, load_night
from support.real_platform import RealPlatform, TaskRun

DAG = "flights_nightly"
PLAN = Plan("flights", tuple(list_days(date(2013, 2, 24), date(2013, 2, 27))), date(2013, 2, 26))


@dataclass(frozen=True)
class Chain:
    """What came of the nights."""

    real: RealPlatform

    def load_nights(self) -> dict[str, Night]:
        """The nights by how they ended; of several that ended alike, the last."""
        return {
            night.ending: night for night in (load_night(self.real.store, PLAN.model, night) for night in PLAN.nights)
        }

    def run(self, night: date) -> TaskRun:
        """The run of one night."""
        api: AirflowApi = self.real.api
        actual = api.read_runs(DAG, night, night, "UTC")[night]
        return TaskRun(api, self.real.home.airflow / "logs", DAG, actual.id)
