"""The operators of a model's tasks: each adds to its command what the run asks for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk import BaseOperatorLink

from nightshift_airflow import answer, asked, cause, night
from nightshift_airflow.command_operator import CommandOperator
from nightshift_airflow.links import HISTORY, LINKS


class StepOperator(CommandOperator):
    """One step of one model's night: `nightshift VERB MODEL NIGHT`."""

    operator_extra_links: Sequence[BaseOperatorLink] = LINKS

    def night_of(self, run: night.Run) -> date:
        """The night that `run` processes. Raises `BadConfig`."""
        return night.of(run, self.calendar)

    def words(self, context: Mapping[str, Any]) -> list[str]:
        """The night. Raises `BadConfig` for a run that names none that can be processed."""
        self.night = self.night_of(run_of(context))
        return [self.night.isoformat()]


class PromoteOperator(StepOperator):
    """The step that may change the champion; it is told what a person said, where `approve` asked one."""

    operator_extra_links = (*LINKS, HISTORY)

    def __init__(self, *, asks: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asks = asks

    def words(self, context: Mapping[str, Any]) -> list[str]:
        """The night and, where a person was asked, the answer. Raises `BadConfig`."""
        said = context["ti"].xcom_pull(task_ids=self.asks) if self.asks else None
        return [*super().words(context), *(answer.words(said) if said else ())]


class DeliveryOperator(StepOperator):
    """Lands a replayed model's data up to the day on which the run's data interval ends, which may still be running."""

    operator_extra_links = ()

    def night_of(self, run: night.Run) -> date:
        """The day up to which data is landed. Raises `BadConfig`."""
        return night.delivered(run, self.calendar)


class SetChampionOperator(CommandOperator):
    """Makes a version champion: `nightshift set-champion MODEL VERSION --reason=TEXT --asked-at=INSTANT`."""

    operator_extra_links = (HISTORY,)

    def words(self, context: Mapping[str, Any]) -> list[str]:
        """The version, the reason and when the run was triggered. Raises `BadConfig`."""
        run = context["dag_run"]
        choice = asked.champion_choice(cause.conf(run))
        unverified = ["--unverified"] if choice.unverified else []
        # The one instant of a run that neither waiting in the queue nor a retry nor clearing it changes.
        return [choice.version, f"--reason={choice.reason}", f"--asked-at={run.run_after.isoformat()}", *unverified]


class RescoreOperator(CommandOperator):
    """Scores nights again with the champion of now: `nightshift rescore MODEL FROM..TO`."""

    operator_extra_links = (HISTORY,)

    def words(self, context: Mapping[str, Any]) -> list[str]:
        """The range of nights. Raises `BadConfig`."""
        first, last = asked.nights(cause.conf(context["dag_run"]), self.calendar.day(datetime.now(UTC)))
        return [f"{first}..{last}"]


def run_of(context: Mapping[str, Any]) -> night.Run:
    """What of a task's context decides the night."""
    run = context["dag_run"]
    starts, ends = context.get("data_interval_start"), context.get("data_interval_end")
    return night.Run(
        conf=cause.conf(run),
        interval=(starts, ends) if starts and ends else None,
        now=datetime.now(UTC),
        backfill=run.run_type == cause.BACKFILL,
    )
