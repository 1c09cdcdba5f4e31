"""What Airflow's own processes do for Nightshift besides running tasks; the plugin registers it.

A run of a backfill is marked with the backfill's number, because a task is told of no other sign of it. And a question
to a person ends with the try that asked it.
"""

from typing import Any

from airflow.listeners import hookimpl
from sqlalchemy import Connection, delete, event
from sqlalchemy.orm import Mapper

PAST_QUESTIONS = "HITLDetailHistory"
QUESTIONS = "hitl_detail"


@hookimpl
def on_dag_run_running(dag_run: Any) -> None:
    """Notes the number of its backfill on a run, in the scheduler; `nightshift_airflow.cause` reads it in the task."""
    if dag_run.backfill_id is not None and not dag_run.note:
        dag_run.note = f"Backfill {dag_run.backfill_id}"


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
