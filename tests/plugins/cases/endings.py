"""A step for every way in which a pod can end, next to each other; for the tests of the operator."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable

import models
from nightshift.definition import Resources
from nightshift_airflow.nightly import NIGHT
from nightshift_airflow.step import StepOperator, common

MODEL = replace(models.load("flights"), resources={"train": Resources(memory_limit="64Mi", memory="32Mi")})


def shell(task: str, command: str, retries: int = 0, **more: Any) -> StepOperator:
    """A step whose pod runs `command` in a shell; the night is the shell's $0."""
    policy = {**common(MODEL, "train"), "retries": retries, "retry_delay": timedelta(0), **more}
    return StepOperator(task_id=task, verb="train", cmds=["sh", "-c"], arguments=[command], **policy)


def dag(name: str) -> DAG:
    schedule = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
    start = datetime(2013, 1, 1, tzinfo=UTC)
    return DAG(dag_id=name, schedule=schedule, start_date=start, catchup=False, params={"night": NIGHT})


with dag("endings"):
    shell("environment", "env; touch /nothing; touch /tmp/something && echo wrote to /tmp")
    shell("done", 'echo "the night is $0"')
    shell("nothing_to_do", "echo nothing_to_do: the champion stands; exit 99", retries=1)
    shell("rejected", "echo rejected: two datasets; exit 10", retries=1)
    shell("bad_config", "echo bad_config: no such column; exit 20", retries=1)
    shell("try_later", "echo try_later: storage is away; exit 75", retries=1)
    shell("bug", "echo failed: KeyError; exit 1", retries=1)
    shell("out_of_memory", "echo fitting; exec python -c 'bytearray(300_000_000)'")
    shell("out_of_time", "echo fitting; sleep 60", active_deadline_seconds=2, termination_grace_period=1)
    shell("outlasted", "echo fitting; sleep 60", execution_timeout=timedelta(seconds=4), termination_grace_period=1)
    shell("unconfigured", "true", configmaps=["absent"], startup_timeout_seconds=3, schedule_timeout_seconds=3)

with dag("long"):
    # Ends well when it is asked to end: what made killed tasks green.
    shell("train", "trap 'exit 0' TERM; echo working; while :; do sleep 0.1; done", retries=0)

with dag("short"):
    shell("train", "true")
