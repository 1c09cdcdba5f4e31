"""Who or what causes a command: what Airflow knows of the run, as environment of its pod.

Names come from people. They are cut to what is printable and harmless in an environment: no `$`, because Kubernetes
replaces `$(NAME)` by the value of another variable, which could be a secret.
"""

import re
from typing import Any

NOT_OF_A_RUN = re.compile(r"[^\w.:+~-]", re.ASCII)
NOT_OF_A_NAME = re.compile(r"[^\w.@+' -]")
NOT_OF_AN_IMAGE = re.compile(r"[^\w./:@-]", re.ASCII)
LONGEST_NAME = 100
LONGEST_RUN = 300
LONGEST_IMAGE = 500
SNAPSHOT = "local-cluster/code-snapshot"
BACKFILL = "backfill"
"""Airflow's kind of run, and the key under which `nightshift_airflow.runs.listeners` adds the backfill's number to its
configuration."""


def environment(dag: str, run: Any, image: str) -> dict[str, str]:
    """The variables `NIGHTSHIFT_RUN_*` of a pod. `run` is the DAG run as a task sees it; what is not known is empty."""
    return {
        "NIGHTSHIFT_RUN_CAUSED_BY": NOT_OF_A_RUN.sub("_", f"{dag}:{run.run_id}")[:LONGEST_RUN],
        "NIGHTSHIFT_RUN_KIND": NOT_OF_A_RUN.sub("_", _kind(run))[:LONGEST_NAME],
        "NIGHTSHIFT_RUN_USER": name(run.triggering_user_name or ""),
        "NIGHTSHIFT_RUN_BACKFILL": _backfill(run),
        "NIGHTSHIFT_RUN_IMAGE": NOT_OF_AN_IMAGE.sub("_", image)[:LONGEST_IMAGE],
    }


def annotations(dag: str, run: Any) -> dict[str, str]:
    """What a pod carries of its run for the embedded cluster, which runs all steps of a run from one state of the code.

    Clearing a run makes its number another one: what is run again is run with the code of then.
    """
    return {SNAPSHOT: f"{dag}/{run.run_id}/{getattr(run, 'clear_number', None) or 0}"}


def name(text: str) -> str:
    """A person's name as it may be recorded: letters, digits, spaces and . @ + ' - _, at most 100 characters."""
    kept = NOT_OF_A_NAME.sub("_", text).strip()[:LONGEST_NAME].strip()
    return f"_{kept[1:]}" if kept.startswith("-") else kept  # nothing that could be taken for an option


def conf(run: Any) -> dict[str, Any]:
    """A run's configuration as whoever asked for it wrote it.

    Without the backfill's number in any kind of run: *Trigger again with this config* copies it into a run by hand.
    """
    return {key: value for key, value in (run.conf or {}).items() if key != BACKFILL}


def _kind(run: Any) -> str:
    return str(getattr(run.run_type, "value", run.run_type))


def _backfill(run: Any) -> str:
    number = (run.conf or {}).get(BACKFILL) if _kind(run) == BACKFILL else None
    return str(number) if type(number) is int and number > 0 else ""
