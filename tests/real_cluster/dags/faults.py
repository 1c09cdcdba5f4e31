"""Runs of single steps and of a whole night for the tests of faults, made by the same function as every model's.

They differ from the nightly DAGs in what a test must not wait for: the pause before a retry, and how long a pod may
wait for a node or an image. Three have what makes them fail: too little memory, no such image, too little time.
"""

from dataclasses import replace
from datetime import timedelta

from airflow.sdk import DAG, chain

from nightshift import catalog
from nightshift.definition import VERBS, Resources
from nightshift_airflow.dags.dag_factory import NIGHT_PARAM
from nightshift_airflow.dags.task_factory import make_step_task

flights = catalog.load_model("flights")
soon = replace(flights, schedule=replace(flights.schedule, retry_delay=timedelta(seconds=3)))
once = replace(flights, schedule=replace(flights.schedule, retries=0))
starved = replace(once, resources={"train": Resources(memory="64Mi", memory_limit="160Mi")})


def build_dag(name: str) -> DAG:
    """A DAG that runs when it is asked to."""
    return DAG(dag_id=f"faults_{name}", schedule=None, params={"night": NIGHT_PARAM}, is_paused_upon_creation=False)


with build_dag("night"):
    chain(*(make_step_task(soon, verb) for verb in VERBS))

with build_dag("train"):
    make_step_task(soon, "train")

with build_dag("deferred"):
    make_step_task(soon, "train").deferrable = True  # as AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE does

with build_dag("memory"):
    make_step_task(starved, "train")

with build_dag("image"):
    absent = make_step_task(once, "validate")
    absent.image = "127.0.0.1:9/nightshift-steps:absent"  # refused at once; a name without a host asks the internet
    absent.startup_timeout_seconds = 15

with build_dag("node"):
    alone = make_step_task(once, "validate")
    alone.schedule_timeout_seconds = 15
