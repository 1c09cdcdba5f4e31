"""Airflow DAGs with a step for every way in which a pod can end, next to each other; for the tests of the operator."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
from support.shell_steps import build_dag, build_shell_step

for name, is_deferred in (("endings", False), ("endings_deferred", True)):
    with build_dag(name):
        more: dict[str, Any] = {"deferrable": is_deferred, "poll_interval": 0.5}
        build_shell_step("environment", "env; touch /nothing; touch /tmp/something && echo wrote to /tmp", **more)
        build_shell_step("done", 'echo "the night is $0"', **more)
        build_shell_step("nothing_to_do", "echo nothing_to_do: the champion stands; exit 99", retries=1, **more)
        build_shell_step("rejected", "echo rejected: two datasets; exit 10", retries=1, **more)
        build_shell_step("bad_config", "echo bad_config: no such column; exit 20", retries=1, **more)
        build_shell_step("try_later", "echo try_later: storage is away; exit 75", retries=1, **more)
        build_shell_step("bug", "echo failed: KeyError; exit 1", retries=1, **more)
        build_shell_step(
            "out_of_memory",
            "echo fitting; exec python -c 'x = bytearray(300_000_000); import time; time.sleep(60)'",
            **more,
        )
        build_shell_step(
            "out_of_time",
            "echo fitting; sleep 60",
            active_deadline_seconds=4,
            termination_grace_period=1,
            **more,
        )
        build_shell_step(
            "outlasted",
            "echo fitting; sleep 60",
            execution_timeout=timedelta(seconds=30),
            termination_grace_period=1,
            **more,
        )
        build_shell_step("unconfigured", "true", configmaps=["absent"], startup_timeout_seconds=5, **more)

with build_dag("long"):
    # Ends well when it is asked to end: what made killed tasks green.
    build_shell_step("train", "trap 'exit 0' TERM; echo working; while :; do sleep 0.1; done", retries=0)

with build_dag("short"):
    build_shell_step("train", "true")
