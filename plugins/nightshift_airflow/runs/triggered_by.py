"""Who or what triggered a run: what Airflow knows of it, as environment of the run's pods.

Names come from people. They are cut to characters that are printable and harmless in an environment. `$` is not among
them, because Kubernetes replaces `$(NAME)` by the value of another variable, which could be a secret.
"""

import re
from typing import Any

NOT_OF_A_RUN = re.compile(r"[^\w.:+~-]", re.ASCII)
NOT_OF_A_NAME = re.compile(r"[^\w.@+' -]")
NOT_OF_AN_IMAGE = re.compile(r"[^\w./:@-]", re.ASCII)
LONGEST_NAME = 100
LONGEST_RUN = 300
LONGEST_IMAGE = 500
SNAPSHOT_ANNOTATION = "local-cluster/code-snapshot"
BACKFILL = "backfill"
"""Airflow's kind of run, and the key under which `listeners` adds the backfill's number to a run's configuration."""


def make_environment(dag: str, run: Any, image: str) -> dict[str, str]:
    """Returns the variables `NIGHTSHIFT_RUN_*` of a pod; a value that is not known is empty.

    `run` is the DAG run as a task sees it.
    """
    return {
        "NIGHTSHIFT_RUN_CAUSED_BY": NOT_OF_A_RUN.sub("_", f"{dag}:{run.run_id}")[:LONGEST_RUN],
        "NIGHTSHIFT_RUN_KIND": NOT_OF_A_RUN.sub("_", _read_kind(run))[:LONGEST_NAME],
        "NIGHTSHIFT_RUN_USER": clean_name(run.triggering_user_name or ""),
        "NIGHTSHIFT_RUN_BACKFILL": _read_backfill(run),
        "NIGHTSHIFT_RUN_IMAGE": NOT_OF_AN_IMAGE.sub("_", image)[:LONGEST_IMAGE],
    }


def make_annotations(dag: str, run: Any) -> dict[str, str]:
    """Returns the annotation of a pod by which the embedded cluster runs all steps of a run with the same code.

    Clearing a run increases its `clear_number`: its steps then run with the code of that time.
    """
    return {SNAPSHOT_ANNOTATION: f"{dag}/{run.run_id}/{getattr(run, 'clear_number', None) or 0}"}


def clean_name(text: str) -> str:
    """Returns a person's name as it may be recorded: letters, digits, spaces, . @ + ' - _, at most 100 characters."""
    name = NOT_OF_A_NAME.sub("_", text).strip()[:LONGEST_NAME].strip()
    return f"_{name[1:]}" if name.startswith("-") else name  # nothing that could be taken for an option


def read_conf(run: Any) -> dict[str, Any]:
    """Returns a run's configuration as it was entered.

    The backfill's number is left out of every kind of run: *Trigger again with this config* copies it into a run by
    hand.
    """
    return {key: value for key, value in (run.conf or {}).items() if key != BACKFILL}


def _read_kind(run: Any) -> str:
    return str(getattr(run.run_type, "value", run.run_type))


def _read_backfill(run: Any) -> str:
    number = (run.conf or {}).get(BACKFILL) if _read_kind(run) == BACKFILL else None
    return str(number) if type(number) is int and number > 0 else ""
