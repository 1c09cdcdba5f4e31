"""Airflow DAGs whose promotions a person must agree to, from the very tasks of a model; their pods run a shell."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, chain

from nightshift import catalog
from nightshift.definition import Resources, Schedule
from nightshift_airflow.dags.dag_factory import NIGHT_PARAM
from nightshift_airflow.dags.task_factory import make_approve_task, make_set_champion_task, make_step_task
from nightshift_airflow.operators.command_operator import CommandOperator

SMALL = Resources(cpu="50m", memory="32Mi", memory_limit="64Mi")
MODEL = replace(
    catalog.load_model("flights"),
    approval="human",
    approval_timeout=timedelta(hours=1),
    resources=dict.fromkeys(("evaluate", "promote", "score"), SMALL),
    schedule=Schedule(retries=0),
)
SCRIPTS = {
    "evaluate": 'test "$0" != 2013-02-07 || exit 10',
    "promote": 'echo "promote $0 $*"; case "$*" in *=approved*) exit 0;; *) echo the champion stands; exit 99;; esac',
    "score": "echo scored",
    "train": "env | sort",
    "set_champion": 'echo "champion is $0 $*"',
}


def run_in_shell(task: CommandOperator) -> CommandOperator:
    """Lets a task run a script instead of its step; everything else stays."""
    task.cmds = ["sh", "-c"]
    task.fixed_arguments = task.arguments = [SCRIPTS[task.verb]]
    return task


def build_dag(name: str) -> DAG:
    """A daily DAG that is ready to be run."""
    return DAG(
        dag_id=name,
        schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
        start_date=datetime(2013, 1, 1, tzinfo=UTC),
        end_date=datetime(2013, 3, 1, tzinfo=UTC),  # the clock starts none
        catchup=False,
        params={"night": NIGHT_PARAM},
        tags=["nightshift"],
        is_paused_upon_creation=False,
    )


for title, model in (
    ("asked", MODEL),
    ("in_a_hurry", replace(MODEL, approval_timeout=timedelta(seconds=15))),
    ("not_asked", replace(MODEL, approval="automatic")),
):
    with build_dag(title):
        asking = [make_approve_task(model)] if model.approval == "human" else []
        chain(
            run_in_shell(make_step_task(model, "evaluate")),
            *asking,
            run_in_shell(make_step_task(model, "promote")),
            run_in_shell(make_step_task(model, "score")),
        )

with build_dag("caused"):
    run_in_shell(make_step_task(MODEL, "train"))

with DAG(dag_id="chosen", schedule=None, is_paused_upon_creation=False):
    run_in_shell(make_set_champion_task(MODEL))
