"""Scores nights again, with the champion of now: for predictions of a version that was withdrawn.

Trigger this DAG with the **first** and the **last** night. The predictions of each are replaced as a whole; until then
readers see the former ones. Nights that a version scored which is not withdrawn are left as they are.

| reads | leaves |
|---|---|
| the lake, the champion | the predictions of the nights and their manifests |

**What to do when it is red:** the last line of the log says which night failed and why. What was done stays done: fix
the cause, then clear the task.
"""

from nightshift_airflow.nightly import loadable, rescore
from nightshift_airflow.step import rescore as score_again

for model in loadable():
    with rescore(model, page=__doc__):
        score_again(model)
