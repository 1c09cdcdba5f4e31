"""Scores nights again, with the champion that reigns now: for predictions that a version made which was rolled back.

Trigger this DAG with the **first** and the **last** night. The predictions of each are replaced as a whole; until then
readers see the former ones. Nights that a version scored which was not rolled back are left as they are.

| reads | leaves |
|---|---|
| the lake, the champion | the predictions of the nights and their manifests |

**What to do when it is red:** the last line of the log says which night failed and why. What was done stays done: fix
the cause, then clear the task.
"""

from nightshift_airflow.dags.dag_factory import loadable, rescore
from nightshift_airflow.dags.task_factory import rescore as score_again

for model in loadable():
    with rescore(model, page=__doc__):
        score_again(model)
