"""Makes a version champion, within seconds: an earlier one, to undo a promotion, or any other.

Trigger this DAG with a **version** (`previous`: the champion before, a number, or `none`) and a **reason**, which is
required. The ledger then has both, beside your name, and *History* shows them. A version that never was champion passed
no gate: check **unverified** to make it champion all the same; the ledger marks it so.

| reads | leaves |
|---|---|
| the ledger, the registry | an entry in the ledger, the alias `champion` at that version |

The nightly run does not promote the withdrawn version again, and promotes another one only if that beats the current
champion. The predictions of the withdrawn version stay until they are replaced: trigger *rescore* for those nights.

**What to do when it is red:** the last line of the log says why. *exit 20*: the version cannot be champion, what was
entered is wrong, or another version became champion after you asked, and nothing was changed; look at *History* and
trigger it again. *exit 10*: the version's stored model is gone or was changed; name another version. Anything else was
retried already: look at the named system, then clear the task. It is pink when that version is champion already. What
was done already is not done a second time.
"""

from nightshift_airflow.dags.dag_factory import load_models, make_set_champion_dag
from nightshift_airflow.dags.task_factory import make_set_champion_task

for model in load_models():
    with make_set_champion_dag(model, page=__doc__):
        make_set_champion_task(model)
