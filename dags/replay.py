"""Stands in for the delivery of data: lands the next day of a recorded model, shortly before its nightly run.

A model with `replay=True` has no supplier; its recorded days are landed one night at a time, moved to today's dates.
With a real supplier this DAG does not exist: the partitions appear by themselves.

| reads | leaves |
|---|---|
| the record that the model's package ships | one partition per dataset in the lake; what is there already stays |

**What to do when it is red:** the last line of the log says why; clear the task. It lands every day that is missing:
the next run also lands the days that this one could not. Nights that were blocked meanwhile can be cleared afterwards.
"""

from nightshift_airflow.dags.dag_factory import load_models, make_replay_dag
from nightshift_airflow.dags.task_factory import make_delivery_task

for model in load_models():
    if model.replay:
        with make_replay_dag(model, page=__doc__):
            make_delivery_task(model)
