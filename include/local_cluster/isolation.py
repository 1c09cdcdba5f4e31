"""Finds out at the start which isolation of a pod's processes this machine allows."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from local_cluster.pods.run import run_to_end
from local_cluster.shim.spec import RunSpec

LEVELS = ("pid", "mount", "none")
PREFIX = "probe-"
SPACE_TIMEOUT = 5.0  # seconds that a trial waits for space to record its end


def find_allowed_namespaces(level_option: str, state: Path) -> tuple[str, str]:
    """Returns the best level of isolation that works here, and the reason why there is no better one.

    `level_option` is a level, or `auto` for the best. Raises RuntimeError when the machine forbids the level.
    """
    why_not = ""
    for level in LEVELS if level_option == "auto" else (level_option,):
        failure = _try(level, state)
        if not failure:
            return level, why_not or ("mounts were switched off" if level == "none" else "")
        why_not = why_not or failure
    raise RuntimeError(f"isolation {level_option!r} does not work on this machine: {why_not}; use --isolation auto")


def remove_left_probes(state: Path) -> None:
    """Removes the directories that a crash left of a trial."""
    for directory in state.glob(f"{PREFIX}*"):
        shutil.rmtree(directory, ignore_errors=True)


def _try(level: str, state: Path) -> str:
    """Runs `true` at a level; returns what went wrong."""
    with tempfile.TemporaryDirectory(dir=state, prefix=PREFIX) as scratch:
        lock = Path(scratch, "lock")
        lock.touch()
        spec = RunSpec(
            argv=["true"],
            environment={"PATH": os.defpath},
            directory="/",
            namespaces=level,
            server_lock=str(lock),
            notify=os.devnull,
            key="",
            read_only_root=level != "none",
            orphan_seconds=SPACE_TIMEOUT,
        )
        record = run_to_end(spec, Path(scratch, "run"))
    return str(record["failure"] or ("" if record["exitCode"] == 0 else json.dumps(record)))


if sys.platform != "linux":
    raise ImportError(
        "local_cluster runs pods with the means of Linux; on another system use a Kubernetes cluster and its kubeconfig"
    )
