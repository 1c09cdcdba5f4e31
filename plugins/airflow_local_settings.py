"""Imported by every Airflow process at its start: what mends SQLite and logs, and the operator for forks to inherit.

The scheduler forks a process for each task and the DAG processor one for each file. Importing the operator takes each
of them more than a second of CPU; imported here it is there already. Other commands do not need it.
"""

import sys

import nightshift_airflow.one_writer

FORKING = {"scheduler", "dag-processor", "triggerer"}

if FORKING & set(sys.argv[1:2]):
    import nightshift_airflow.airflow_upstream
    import nightshift_airflow.dags.task_factory  # noqa: F401

__all__: list[str] = []
