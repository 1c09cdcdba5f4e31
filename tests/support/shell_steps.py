"""Steps whose pods run a shell, for DAGs that test the operator."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable

from nightshift import catalog
from nightshift.definition import Resources
from nightshift_airflow.dags.dag_factory import NIGHT_PARAM
from nightshift_airflow.dags.task_factory import make_common_arguments
from nightshift_airflow.operators.step_operators import StepOperator

MODEL = replace(catalog.load_model("flights"), resources={"train": Resources(memory_limit="64Mi", memory="32Mi")})


def build_shell_step(task: str, command: str, retries: int = 0, **more: Any) -> StepOperator:
    """A step whose pod runs `command` in a shell; the night is the shell's $0."""
    policy = {**make_common_arguments(MODEL, "train"), "retries": retries, "retry_delay": timedelta(0), **more}
    return StepOperator(task_id=task, verb="train", cmds=["sh", "-c"], arguments=[command], **policy)


def build_dag(name: str) -> DAG:
    """An empty DAG, daily."""
    schedule = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
    start = datetime(2013, 1, 1, tzinfo=UTC)
    return DAG(dag_id=name, schedule=schedule, start_date=start, catchup=False, params={"night": NIGHT_PARAM})
