"""Makes an earlier version champion again, within seconds.

Trigger this DAG with a **version** (`previous`: the one that reigned before, or a number) and a **reason**, which
is required. The ledger then has both, beside your name, and *History* shows them.

| reads | leaves |
|---|---|
| the ledger, the registry | the alias `champion` at that version, an entry in the ledger |

It holds: the nightly run does not promote the withdrawn version again, and promotes another one only if that beats the
champion that reigns now. What the withdrawn version predicted stays until it is replaced: trigger *rescore* for those
nights.

**What to do when it is red:** the last line of the log says why. *exit 20*: the version is not one that can be
champion, what was entered is wrong, or another version became champion after you asked, and is not withdrawn; look at
*History* and trigger it again. *exit 10*: its stored model is gone or was changed; name another version. Anything else
was tried again already: look at the named system, then clear the task. It is pink when that version reigns already. A
rollback that was done already is not done a second time.
"""

from nightshift_airflow.dags.dag_factory import load_models, make_rollback_dag
from nightshift_airflow.dags.task_factory import make_rollback_task

for model in load_models():
    with make_rollback_dag(model, page=__doc__):
        make_rollback_task(model)
