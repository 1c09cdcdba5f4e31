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
BACKFILL_NOTE = re.compile(r"\ABackfill ([1-9][0-9]{0,17})\Z")
"""What `nightshift_airflow.listening` notes on the runs of a backfill: a task is told of nothing else that names it."""


def environment(dag: str, run: Any, image: str) -> dict[str, str]:
    """The variables `NIGHTSHIFT_RUN_*` of a pod. `run` is the DAG run as a task sees it; what is not known is empty."""
    kind = str(getattr(run.run_type, "value", run.run_type))
    return {
        "NIGHTSHIFT_RUN_CAUSED_BY": NOT_OF_A_RUN.sub("_", f"{dag}:{run.run_id}")[:LONGEST_RUN],
        "NIGHTSHIFT_RUN_KIND": NOT_OF_A_RUN.sub("_", kind)[:LONGEST_NAME],
        "NIGHTSHIFT_RUN_USER": name(run.triggering_user_name or ""),
        "NIGHTSHIFT_RUN_BACKFILL": _backfill(kind, run.note or ""),
        "NIGHTSHIFT_RUN_IMAGE": NOT_OF_AN_IMAGE.sub("_", image)[:LONGEST_IMAGE],
    }


def name(text: str) -> str:
    """A person's name as it may be recorded: letters, digits, spaces and . @ + ' - _, at most 100 characters."""
    kept = NOT_OF_A_NAME.sub("_", text).strip()[:LONGEST_NAME].strip()
    return f"_{kept[1:]}" if kept.startswith("-") else kept  # nothing that could be taken for an option


def _backfill(kind: str, note: str) -> str:
    found = BACKFILL_NOTE.match(note)
    return found[1] if kind == "backfill" and found else ""
