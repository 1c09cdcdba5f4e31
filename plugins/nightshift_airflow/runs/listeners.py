"""What Airflow's scheduler calls when a run begins; the plugin registers this module."""

from typing import Any

from airflow.listeners import hookimpl

from nightshift_airflow.airflow_upstream import add_backfill_number
from nightshift_airflow.runs.triggered_by import BACKFILL


@hookimpl
def on_dag_run_running(dag_run: Any) -> None:
    """Adds the number of its backfill to a run's configuration, which is the only place where a task can read it."""
    add_backfill_number(dag_run, BACKFILL)
