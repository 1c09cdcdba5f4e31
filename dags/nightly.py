"""## What runs every night

`validate >> train >> evaluate >> [approve] >> promote >> score`, each step in a pod of its own.

| step | does | reads | leaves |
|---|---|---|---|
| validate | checks the night's partitions against their suites | the lake | Data Docs |
| train | fits a challenger on the window of validated nights | the lake | an MLflow run, a model version |
| evaluate | compares challenger and champion on the same holdout rows | both versions | the verdict |
| approve | only where a person must agree: asks, and waits without a worker | the verdict | the answer |
| promote | moves the alias `champion` to the version that won | the verdict | an entry in the ledger |
| score | scores the next day's schedule | the champion | predictions and their manifest |

**Run a night by hand:** trigger the DAG and enter `night`. Without it the run takes the day its data interval names.
**Run many again:** a backfill, from the UI or with `airflow backfill create --dag-id … --from-date … --to-date …
--max-active-runs 3 --reprocess-behavior completed`, in any order and with any number of active runs. Its dates are
nights, the first and the last of them, whatever the model's time zone. Nights that run side by side leave out of their
windows those that are not validated yet, and say so; to have them in, validate them first.
A step that has done its work already finds it again and does nothing. A backfill never demotes a newer champion.
Where a person must agree, a backfill stands still once all its active runs wait for an answer.
**Undo a promotion:** the DAG *set_champion*. **Score nights again:** the DAG *rescore*.

## What the colours mean

- **promote is skipped (pink):** the challenger lost, a person said no or nobody answered in time, the champion
  changed after the question, a newer champion stands (*superseded*), or the version was withdrawn. Nothing is wrong;
  *Result* and *History* say which. The night is scored with the champion that stands.
- **approve waits (orange):** *Required Actions* shows the verdict and asks. No answer in time is a refusal. It is
  skipped when there is nothing to ask. A verdict that is made again is asked about again.
- **validate is red:** the night's data was rejected, and nothing after it ran. *Data Docs* shows which expectation
  failed. Fix or replace the partition, then clear the task. The night is left out of training until it passes.
- **another step is red:** the last line of its log says why. *exit 10* and *exit 20* are not retried: fix the data or
  the configuration first. Anything else was retried already: look at the named system, then clear the task.
- **out of memory, out of time:** raise the step's limits in the model's `definition.py`.
- **yellow, up for retry:** an outside system failed, or infrastructure was lost. It is tried again by itself; nothing
  needs doing. The last line of the log counts: *real failure 1 of 3; infrastructure lost 2 times*. Only real failures
  use up the tries of the definition.
"""

from airflow.sdk import chain

from nightshift_airflow.nightly import loadable, nightly
from nightshift_airflow.step import chain_of

for model in loadable():
    with nightly(model, page=__doc__):
        chain(*chain_of(model))
