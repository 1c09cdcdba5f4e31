"""What a killed supervisor left behind is found by its mark, and nobody else's process is touched."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local_platform import marked_processes

SLEEPER = (sys.executable, "-c", "import time; print(flush=True); time.sleep(600)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)",
)
Sleeper = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    """Starts a process that carries the mark of a home."""
    created: list[subprocess.Popen[bytes]] = []

    def start(home: Path, command: tuple[str, ...] = SLEEPER) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, marked_processes.MARK: str(home)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdout
        process.stdout.readline()
        created.append(process)
        return process

    yield start
    for process in created:
        process.kill()
        process.wait()


def test_a_marked_process_is_ours_and_others_are_not(tmp_path: Path, sleeper: Sleeper) -> None:
    ours, others = sleeper(tmp_path / "a"), sleeper(tmp_path / "ab")
    assert [p.pid for p in marked_processes.find_processes_of(tmp_path / "a")] == [ours.pid]
    assert marked_processes.end_processes_of(tmp_path / "a") == 1
    assert ours.wait(5) is not None
    assert others.poll() is None


def test_one_that_ignores_the_request_is_killed(tmp_path: Path, sleeper: Sleeper) -> None:
    stubborn = sleeper(tmp_path, STUBBORN)
    assert marked_processes.end_processes_of(tmp_path, timeout=0.2) == 1
    assert not psutil.pid_exists(stubborn.pid)
    assert marked_processes.find_processes_of(tmp_path) == []


def test_where_nothing_is_left_nothing_is_ended(tmp_path: Path) -> None:
    assert marked_processes.end_processes_of(tmp_path) == 0
