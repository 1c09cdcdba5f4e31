"""Scores nights again with the current champion: for predictions of a version that was withdrawn since.

Trigger this DAG with the **first** and the **last** night. The predictions of each are replaced as a whole; until then
readers see the former ones. The nights of a version that was not withdrawn are left as they are.

| reads | leaves |
|---|---|
| the lake, the champion | the predictions of the nights and their manifests |

**What to do when it is red:** the last line of the log says which night failed and why. What was done stays done: fix
the cause, then clear the task.
"""

from nightshift_airflow.dags.dag_factory import load_models, make_rescore_dag
from nightshift_airflow.dags.task_factory import make_rescore_task

for model in load_models():
    with make_rescore_dag(model, page=__doc__):
        make_rescore_task(model)
