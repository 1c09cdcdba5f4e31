"""An Airflow DAG of steps whose pods cannot start, or not at once; `test_step_placing.py` has the registry."""

import os
import sys
from pathlib import Path
from typing import Any

from kubernetes.client import models as k8s

sys.path.insert(0, str(Path(__file__).parents[3]))
from support.shell_steps import build_dag, build_shell_step

REGISTRY = os.environ.get("CASE_REGISTRY", "127.0.0.1:9")
NOWHERE = os.environ.get("CASE_NOWHERE", "127.0.0.1:9")
HUGE = k8s.V1ResourceRequirements(requests={"cpu": "1000", "memory": "10Ti"})

for name, tag, is_deferred in (("placing", 1, False), ("placing_deferred", 2, True)):
    with build_dag(name):
        more: dict[str, Any] = {"deferrable": is_deferred, "poll_interval": 1}
        build_shell_step("absent", "true", retries=1, image=f"{REGISTRY}/absent:1", **more)
        build_shell_step("misnamed", "true", retries=1, image="no such//Image", **more)
        build_shell_step("late", "echo here at last", image=f"{REGISTRY}/late:{tag}", **more)
        build_shell_step("nowhere", "true", image=f"{NOWHERE}/any:1", startup_timeout_seconds=15, **more)
        build_shell_step("huge", "true", container_resources=HUGE, schedule_timeout_seconds=5, **more)
