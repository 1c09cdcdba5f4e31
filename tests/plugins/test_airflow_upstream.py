"""The last line of a task whose process was killed: what is known, and no guess."""

import signal
import subprocess
import sys
from typing import Any

import psutil
import pytest
from airflow.sdk.execution_time.supervisor import ActivitySubprocess

import airflow_environment  # noqa: F401  # before anything imports airflow
from nightshift_airflow import airflow_upstream as killed


class Lines:
    """A log that keeps its messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def log(self, _level: int, message: str, **_fields: Any) -> None:
        self.messages.append(message)

    def warning(self, message: str, **_fields: Any) -> None:
        self.messages.append(message)


def last_line(code: str) -> str:
    """What Airflow writes about a process that runs `code` to its end."""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        known = psutil.Process(process.pid)
        watched: Any = object.__new__(ActivitySubprocess)
        watched.process_log, watched._process, watched._exit_code = Lines(), known, None
        known.wait(timeout=60)
        ActivitySubprocess._check_subprocess_exit(watched)
    assert isinstance(watched.process_log, Lines)
    return str(watched.process_log.messages[-1])


def test_a_killed_process_is_not_called_out_of_memory() -> None:
    line = last_line(f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")
    assert line == killed.SENTENCE
    assert "memory" not in line


@pytest.mark.parametrize(
    ("code", "begins"),
    [(f"import os; os.kill(os.getpid(), {int(signal.SIGTERM)})", "Process terminated by signal."), ("exit(3)", "Pro")],
)
def test_every_other_end_is_said_as_airflow_says_it(code: str, begins: str) -> None:
    assert last_line(code).startswith(begins)
