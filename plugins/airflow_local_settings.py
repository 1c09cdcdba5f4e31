"""Imported by every Airflow process at its start: repairs Airflow on SQLite and its logs, imports the operators.

The scheduler forks a process for each task, and the DAG processor one for each file. In each of them the import of the
operators would take more than a second of CPU; here it happens once, before they fork. Other commands do not need it.
"""

import sys

from nightshift_airflow import airflow_upstream

FORKING = {"scheduler", "dag-processor", "triggerer"}

airflow_upstream.install_waiting_savepoints()
airflow_upstream.install_commits_without_waits()
if FORKING & set(sys.argv[1:2]):
    airflow_upstream.install_log_without_guess()
    import nightshift_airflow.dags.task_factory  # noqa: F401

__all__: list[str] = []
