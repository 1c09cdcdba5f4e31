"""Makes a version champion, within seconds: an earlier one, to undo a promotion, or any other.

Trigger this DAG with a **version** (`previous`: the champion before, a number, or `none`) and a **reason**, which is
required. The ledger then has both, beside your name, and *History* shows them. A version that never was champion passed
no gate: check **unverified** to have it all the same; the ledger marks it so.

| reads | leaves |
|---|---|
| the ledger, the registry | an entry in the ledger, the alias `champion` at that version |

It holds: the nightly run does not promote the withdrawn version again, and promotes another one only if that beats the
champion of now. What the withdrawn version predicted stays until it is replaced: trigger *rescore* for those nights.

**What to do when it is red:** the last line of the log says why. *exit 20*: the version is not one that can be
champion, what was entered is wrong, or another version became champion after you asked, and is not replaced; look at
*History* and trigger it again. *exit 10*: its stored model is gone or was changed; name another version. Anything else
was tried again already: look at the named system, then clear the task. It is pink when that version is champion
already. What was done already is not done a second time.
"""

from nightshift_airflow.nightly import loadable, set_champion
from nightshift_airflow.step import set_champion as set_champion_of

for model in loadable():
    with set_champion(model, page=__doc__):
        set_champion_of(model)
