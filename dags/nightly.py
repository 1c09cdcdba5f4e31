"""## What runs every night

`validate >> train >> evaluate >> [approve] >> promote >> score`, each step in a pod of its own.

| step | does | reads | leaves |
|---|---|---|---|
| validate | checks the night's partitions against their suites | the lake | Data Docs |
| train | fits a challenger on the window of validated nights | the lake | an MLflow run, a model version |
| evaluate | compares challenger and champion on the same holdout rows | both versions | the verdict |
| approve | only if the model needs approval: asks a person, waits without a worker | the verdict | the response |
| promote | moves the alias `champion` to the version that won | the verdict | an entry in the ledger |
| score | scores the next day's schedule | the champion | predictions and their manifest |

**Run a night by hand:** trigger the DAG and enter `night`. Without it the run takes the day its data interval names.
**Run many again:** a backfill, from the UI or with `airflow backfill create --dag-id … --from-date … --to-date …
--max-active-runs 3 --reprocess-behavior completed`, in any order and with any number of active runs. Its dates are
nights, the first and the last of them, whatever the model's time zone. Nights that run at the same
time leave out of their windows the nights that are not validated yet, and say so; to include them, validate them first.
A step whose work is done already does nothing. A backfill never demotes a newer champion.
If the model needs approval, a backfill stops once all its active runs wait for a response.
**Undo a promotion:** the DAG *set_champion*. **Score nights again:** the DAG *rescore*.

## What the colours mean

- **promote is skipped (pink):** the challenger lost, a person rejected it or nobody responded in time, the champion
  changed after the approval request, there is a newer champion (*superseded*), or the version was withdrawn. Nothing is
  wrong; *Result* and *History* say which. The night is scored with the current champion.
- **approve waits (orange):** *Required Actions* shows the verdict and asks. No response in time is a rejection. It is
  skipped if there is nothing to approve. If the verdict is recomputed, approval is requested again.
- **validate is red:** the night's data was rejected, and nothing after it ran. *Data Docs* shows which expectation
  failed. Fix or replace the partition, then clear the task. The night is left out of training until it passes.
- **another step is red:** the last line of its log says why. *exit 10* and *exit 20* are not retried: fix the data or
  the configuration first. Anything else was retried already: check the named system, then clear the task.
- **out of memory, out of time:** raise the step's limits in the model's `definition.py`.
- **yellow, up for retry:** an outside system failed, or infrastructure was lost. It is retried; you need not do
  anything. The last line of the log counts: *real failure 1 of 3; infrastructure lost 2 times*. Only real failures
  use up the tries of the definition.
"""

from airflow.sdk import chain

from nightshift_airflow.dags.dag_factory import load_models, make_nightly_dag
from nightshift_airflow.dags.task_factory import make_night_tasks

for model in load_models():
    with make_nightly_dag(model, page=__doc__):
        chain(*make_night_tasks(model))
