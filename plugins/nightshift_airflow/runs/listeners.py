"""What Airflow's own processes do for Nightshift besides running tasks; the plugin registers it.

A run of a backfill is told the backfill's number, which Airflow keeps from tasks. And a question to a person ends with
the try that asked it.
"""

from typing import Any

from airflow.listeners import hookimpl
from sqlalchemy import Connection, delete, event, select
from sqlalchemy.orm import Mapper

from nightshift_airflow.runs.triggered_by import BACKFILL

TAG = "nightshift"
OURS = "ApproveOperator"
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
    """Deletes a question of ours once Airflow has archived it with its try; nobody else's.

    Airflow 3.3 hands it on to the next try instead, and then shows the old text there with the answer removed: a person
    would agree to numbers that are no longer those of the verdict.
    """
    if mapper.class_.__name__ != PAST_QUESTIONS:
        return
    tables = mapper.local_table.metadata.tables  # type: ignore[attr-defined]  # a table, not any selectable
    questions, tries, tags = (tables[name] for name in (QUESTIONS, "task_instance_history", "dag_tag"))
    our_dags = select(tags.c.dag_id).where(tags.c.name == TAG)
    our_tries = select(tries.c.task_instance_id).where(tries.c.operator == OURS, tries.c.dag_id.in_(our_dags))
    asked = questions.c.ti_id == target.ti_history_id
    connection.execute(delete(questions).where(asked, questions.c.ti_id.in_(our_tries)))
