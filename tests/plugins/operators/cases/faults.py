"""Airflow DAGs of steps to which something happens, one after the other; `test_step_faults.py` makes it happen."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
from support.shell_steps import build_dag, build_shell_step

TALK = """
echo working
i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo "%s line $i"; [ $i -lt 10 ] && sleep 0.15 || sleep 0.3; done
echo finished
"""
IN_THE_MIDDLE = ("log_cut", "outage", "gone_while_away", "too_long", "deleted", "expired")
AT_THE_START = ("outage_at_start", "busy", "reply_lost")


def build_talking_dag(name: str, *tasks: str, **more: Any) -> None:
    """A DAG of tasks in a row; each goes on whatever became of the one before."""
    with build_dag(name):
        previous = None
        for task in tasks:
            step = build_shell_step(task, TALK % task, retries=1, trigger_rule="all_done", **more)
            if previous:
                previous >> step
            previous = step


build_talking_dag("faults", *IN_THE_MIDDLE, *AT_THE_START)
build_talking_dag("faults_deferred", "outage", "deleted", deferrable=True, poll_interval=0.5)
