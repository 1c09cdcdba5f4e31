"""Airflow DAGs of steps to which something happens, one after the other; `test_step_faults.py` makes it happen."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from support.shell_steps import dag, shell

TALK = """
echo working
i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo "%s line $i"; [ $i -lt 10 ] && sleep 0.15 || sleep 0.3; done
echo finished
"""
IN_THE_MIDDLE = ("log_cut", "outage", "gone_while_away", "too_long", "deleted", "expired")
AT_THE_START = ("outage_at_start", "busy", "reply_lost")


def talking(name: str, *tasks: str, **more: Any) -> None:
    """A DAG of tasks in a row; each goes on whatever became of the one before."""
    with dag(name):
        previous = None
        for task in tasks:
            step = shell(task, TALK % task, retries=1, trigger_rule="all_done", **more)
            if previous:
                previous >> step
            previous = step


talking("faults", *IN_THE_MIDDLE, *AT_THE_START)
talking("faults_deferred", "outage", "deleted", deferrable=True, poll_interval=0.5)
