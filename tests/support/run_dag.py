"""`run_dag.py DAG RUN …`: runs of a DAG in this process, one after the other; the last line is their outcome as JSON.

A RUN is `{"conf": {…}, "dated": true}`; `dated` false makes a run without a logical date.
"""

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

from airflow import settings
from airflow.dag_processing.dagbag import DagBag
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import DAG
from sqlalchemy import select
from sqlalchemy.orm import Session


def run_once(dag: DAG, run: dict[str, Any]) -> dict[str, Any]:
    """One run of `dag`: its state, and each task's state and tries."""
    ran = dag.test(run_conf=run["conf"], logical_date=datetime.now(UTC) if run["dated"] else None)
    with Session(settings.engine) as session:
        actual = session.scalars(select(TaskInstance).where(TaskInstance.run_id == ran.run_id)).all()
        tasks = {task.task_id: {"state": str(task.state), "tries": task.try_number} for task in actual}
    return {"state": str(ran.state), "tasks": tasks}


def main(name: str, *runs: str) -> None:
    """Makes the runs and prints their outcomes."""
    dag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags[name]
    outcomes = [run_once(dag, json.loads(run)) for run in runs]
    print(json.dumps(outcomes))  # noqa: T201  # a test reads it


main(*sys.argv[1:])
