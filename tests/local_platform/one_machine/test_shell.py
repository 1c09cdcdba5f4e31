"""A command in the steps' environment has what a step has, and nothing of the caller's."""

import os
import subprocess
import sys
from pathlib import Path


def _shell(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "NIGHTSHIFT_HOME": str(home), "CALLERS_SECRET": "x", "TERM": "dumb"}
    command = (sys.executable, "-m", "local_platform", "shell", *arguments)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_command_reaches_the_services(tmp_path: Path) -> None:
    completed = _shell(tmp_path, "env")
    given = dict(line.partition("=")[::2] for line in completed.stdout.splitlines())
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert given["MLFLOW_TRACKING_URI"].startswith("http://127.0.0.1:")
    assert given["AWS_ACCESS_KEY_ID"] == "steps"
    assert given["KUBECONFIG"] == str(tmp_path / "kubeconfig")
    assert given["NIGHTSHIFT_RUN_CAUSED_BY"].startswith("shell:")
    assert "CALLERS_SECRET" not in given


def test_its_exit_code_is_the_commands_and_nightshift_is_found(tmp_path: Path) -> None:
    assert _shell(tmp_path, "--", "nightshift", "validate", "flights", "2013-02-30").returncode == 20


def test_a_command_that_is_none_is_named(tmp_path: Path) -> None:
    completed = _shell(tmp_path, "nihgtshift")
    assert completed.returncode == 1
    assert "nihgtshift cannot be run: No such file" in completed.stdout
