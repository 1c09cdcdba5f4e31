"""Airflow DAGs with a step for every way in which a pod can end, next to each other; for the tests of the operator."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from support.shell_steps import dag, shell

for name, is_deferred in (("endings", False), ("endings_deferred", True)):
    with dag(name):
        more: dict[str, Any] = {"deferrable": is_deferred, "poll_interval": 0.5}
        shell("environment", "env; touch /nothing; touch /tmp/something && echo wrote to /tmp", **more)
        shell("done", 'echo "the night is $0"', **more)
        shell("nothing_to_do", "echo nothing_to_do: the champion stands; exit 99", retries=1, **more)
        shell("rejected", "echo rejected: two datasets; exit 10", retries=1, **more)
        shell("bad_config", "echo bad_config: no such column; exit 20", retries=1, **more)
        shell("try_later", "echo try_later: storage is away; exit 75", retries=1, **more)
        shell("bug", "echo failed: KeyError; exit 1", retries=1, **more)
        shell(
            "out_of_memory",
            "echo fitting; exec python -c 'x = bytearray(300_000_000); import time; time.sleep(60)'",
            **more,
        )
        shell(
            "out_of_time",
            "echo fitting; sleep 60",
            active_deadline_seconds=4,
            termination_grace_period=1,
            **more,
        )
        shell(
            "outlasted",
            "echo fitting; sleep 60",
            execution_timeout=timedelta(seconds=15),
            termination_grace_period=1,
            **more,
        )
        shell("unconfigured", "true", configmaps=["absent"], startup_timeout_seconds=5, **more)

with dag("long"):
    # Ends well when it is asked to end: what made killed tasks green.
    shell("train", "trap 'exit 0' TERM; echo working; while :; do sleep 0.1; done", retries=0)

with dag("short"):
    shell("train", "true")
