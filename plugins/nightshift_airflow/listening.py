"""What Airflow's own processes do for Nightshift besides running tasks; the plugin registers it.

A run of a backfill is told the backfill's number, which Airflow keeps from tasks. And a question to a person ends with
the try that asked it.
"""

from typing import Any

from airflow.listeners import hookimpl
from sqlalchemy import Connection, delete, event
from sqlalchemy.orm import Mapper

from nightshift_airflow.cause import BACKFILL

TAG = "nightshift"
PAST_QUESTIONS = "HITLDetailHistory"
QUESTIONS = "hitl_detail"


@hookimpl
def on_dag_run_running(dag_run: Any) -> None:
    """Adds the number of its backfill to a run's configuration, in the scheduler: the one place that a task sees."""
    ours = TAG in (getattr(dag_run.dag, "tags", None) or ())
    if ours and dag_run.backfill_id is not None:
        dag_run.conf = {**(dag_run.conf or {}), BACKFILL: dag_run.backfill_id}


@event.listens_for(Mapper, "after_insert")
def forget_the_question(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
    """Deletes a question once Airflow has archived it with its try.

    Airflow 3.3 hands it on to the next try instead, and then shows the old text there with the answer removed: a person
    would agree to numbers that are no longer those of the verdict.
    """
    if mapper.class_.__name__ != PAST_QUESTIONS:
        return
    questions = mapper.local_table.metadata.tables[QUESTIONS]  # type: ignore[attr-defined]  # a table, not any selectable
    connection.execute(delete(questions).where(questions.c.ti_id == target.ti_history_id))
