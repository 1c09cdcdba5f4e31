"""The operators of a model's tasks: each adds to its command what the run asks for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk import BaseOperatorLink

from nightshift_airflow.operators import approval_response
from nightshift_airflow.operators.command_operator import CommandOperator
from nightshift_airflow.operators.task_links import HISTORY, LINKS
from nightshift_airflow.runs.night_of_run import Run, find_delivery_day, find_night, read_run
from nightshift_airflow.runs.run_conf import read_champion_choice, read_nights
from nightshift_airflow.runs.triggered_by import read_conf


class StepOperator(CommandOperator):
    """One step of one model's night: `nightshift VERB MODEL NIGHT`."""

    operator_extra_links: Sequence[BaseOperatorLink] = LINKS

    def find_night(self, run: Run) -> date:
        """Returns the night that `run` processes. Raises `BadConfig`."""
        return find_night(run, self.calendar)

    def make_arguments(self, context: Mapping[str, Any]) -> list[str]:
        """Returns the night. Raises `BadConfig` if the run names none that can be processed."""
        self.night = self.find_night(read_run(context))
        return [self.night.isoformat()]


class PromoteOperator(StepOperator):
    """The step that may change the champion; it gets the response of a person if the model needs approval."""

    operator_extra_links = (*LINKS, HISTORY)

    def __init__(self, *, approve_task: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approve_task = approve_task

    def make_arguments(self, context: Mapping[str, Any]) -> list[str]:
        """Returns the night and, if a person was asked, the response. Raises `BadConfig`."""
        response = context["ti"].xcom_pull(task_ids=self.approve_task) if self.approve_task else None
        return [*super().make_arguments(context), *(approval_response.make_arguments(response) if response else ())]


class DeliveryOperator(StepOperator):
    """Lands a replayed model's data up to the day on which the run's data interval ends, which may still be running."""

    operator_extra_links = ()

    def find_night(self, run: Run) -> date:
        """Returns the day up to which data is landed. Raises `BadConfig`."""
        return find_delivery_day(run, self.calendar)


class SetChampionOperator(CommandOperator):
    """Makes a version champion: `nightshift set-champion MODEL VERSION --reason=TEXT --asked-at=INSTANT`."""

    operator_extra_links = (HISTORY,)

    def make_arguments(self, context: Mapping[str, Any]) -> list[str]:
        """Returns the version, the reason and when the run was triggered. Raises `BadConfig`."""
        run = context["dag_run"]
        choice = read_champion_choice(read_conf(run))
        unverified = ["--unverified"] if choice.unverified else []
        # The only instant of a run that no queue, no retry and no clearing changes.
        return [choice.version, f"--reason={choice.reason}", f"--asked-at={run.run_after.isoformat()}", *unverified]


class RescoreOperator(CommandOperator):
    """Scores nights again with the current champion: `nightshift rescore MODEL FROM..TO`."""

    operator_extra_links = (HISTORY,)

    def make_arguments(self, context: Mapping[str, Any]) -> list[str]:
        """Returns the range of nights. Raises `BadConfig`."""
        first, last = read_nights(read_conf(context["dag_run"]), self.calendar.find_day(datetime.now(UTC)))
        return [f"{first}..{last}"]
