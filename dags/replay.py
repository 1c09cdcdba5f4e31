"""The stand-in for the delivery of data: lands the next day of a recorded model, shortly before its nightly run.

A model with `replay=True` has no supplier; its recorded days are landed one night at a time, moved to today's dates.
With a real supplier this DAG has no counterpart: the partitions appear by themselves.

| reads | leaves |
|---|---|
| the record that the model's package ships | one partition per dataset in the lake; what is there already stays |

**What to do when it is red:** the last line of the log says why; clear the task. It lands every day that is missing, so
that a night it missed is made up for by the next run. Nights that were blocked meanwhile can be cleared afterwards.
"""

from nightshift_airflow.dags.dag_factory import loadable, replay
from nightshift_airflow.dags.task_factory import deliver

for model in loadable():
    if model.replay:
        with replay(model, page=__doc__):
            deliver(model)
