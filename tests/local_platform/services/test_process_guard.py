"""A guard leaves nothing of its service behind, however either of them ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

GUARD = (sys.executable, "-m", "local_platform.services.process_guard")
# A service with a child that leaves its group and ignores SIGTERM, as Airflow's do. It writes both process ids.
SERVICE = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, {on_term})
child = subprocess.Popen(
    ["sh", "-c", "trap '' TERM; echo; while :; do sleep 1; done"], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{{os.getpid()}} {{child.pid}}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    time.sleep(1)
"""
ENDS = "lambda *_: sys.exit(0)"
DOES_NOT_END = "signal.SIG_IGN"


def _until(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _gone(processes: list[int]) -> bool:
    def runs(process: int) -> bool:
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
        return False

    return not any(map(runs, processes))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., tuple["subprocess.Popen[bytes]", list[int]]]]:
    """Starts a guard over a service with a child; gives the guard and the ids of service and child."""
    guards: list[subprocess.Popen[bytes]] = []
    known: list[int] = []

    def start(grace: int = 5, on_term: str = ENDS, *options: str) -> tuple["subprocess.Popen[bytes]", list[int]]:
        ids = tmp_path / "ids"
        guard = subprocess.Popen(
            (*GUARD, *options, str(grace), sys.executable, "-c", SERVICE.format(on_term=on_term), str(ids))
        )
        guards.append(guard)
        _until(ids.exists)
        known.extend(map(int, ids.read_text().split()))
        return guard, known

    yield start
    for process in [*known, *(guard.pid for guard in guards)]:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for guard in guards:
        guard.wait()


def test_it_ends_as_its_service_ends() -> None:
    assert subprocess.run((*GUARD, "5", sys.executable, "-c", "raise SystemExit(7)"), check=False).returncode == 7


def test_asked_to_end_it_ends_all(started: Callable[..., tuple["subprocess.Popen[bytes]", list[int]]]) -> None:
    guard, processes = started()
    guard.terminate()
    assert guard.wait(15) == 0
    assert _gone(processes)


def test_a_killed_service_takes_its_children_along(
    started: Callable[..., tuple["subprocess.Popen[bytes]", list[int]]],
) -> None:
    guard, processes = started()
    os.kill(processes[0], signal.SIGKILL)
    assert guard.wait(15) == 128 + signal.SIGKILL
    assert _gone(processes)


def test_a_killed_service_that_is_to_be_spared_leaves_its_children_alone(
    started: Callable[..., tuple["subprocess.Popen[bytes]", list[int]]],
) -> None:
    guard, (service, child) = started(5, ENDS, "--spare")
    os.kill(service, signal.SIGKILL)
    assert guard.wait(15) == 128 + signal.SIGKILL
    assert not _gone([child])


def test_asked_to_end_it_spares_nothing(
    started: Callable[..., tuple["subprocess.Popen[bytes]", list[int]]],
) -> None:
    guard, processes = started(5, ENDS, "--spare")
    guard.terminate()
    assert guard.wait(15) == 0
    assert _gone(processes)


def test_a_service_that_does_not_end_is_killed_after_its_grace(
    started: Callable[..., tuple["subprocess.Popen[bytes]", list[int]]],
) -> None:
    guard, processes = started(1, DOES_NOT_END)
    started_at = time.monotonic()
    guard.terminate()
    assert guard.wait(15) == 128 + signal.SIGKILL
    assert 0.9 < time.monotonic() - started_at < 10
    assert _gone(processes)


def test_nothing_outlives_a_killed_guard(
    started: Callable[..., tuple["subprocess.Popen[bytes]", list[int]]],
) -> None:
    guard, processes = started(60, DOES_NOT_END)
    guard.kill()
    guard.wait()
    _until(lambda: _gone(processes))


def test_nothing_outlives_a_killed_reaper(
    started: Callable[..., tuple["subprocess.Popen[bytes]", list[int]]],
) -> None:
    guard, processes = started(60, DOES_NOT_END)
    (reaper,) = psutil.Process(guard.pid).children()
    reaper.kill()
    assert guard.wait(15) == 128 + signal.SIGKILL
    assert _gone(processes)


@pytest.mark.parametrize("killed", ["service", "reaper", "guard"])
def test_what_the_next_start_adopts_is_left(
    started: Callable[..., tuple["subprocess.Popen[bytes]", list[int]]], killed: str
) -> None:
    guard, (service, child) = started(5, ENDS, "--spare")
    (reaper,) = psutil.Process(guard.pid).children()
    os.kill({"service": service, "reaper": reaper.pid, "guard": guard.pid}[killed], signal.SIGKILL)
    guard.wait(15)
    _until(lambda: _gone([service, reaper.pid]))
    assert not _gone([child])


def test_a_guard_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    command = (*GUARD, "5", sys.executable, "-c", SERVICE.format(on_term=ENDS), str(ids))
    starter = subprocess.Popen(
        (sys.executable, "-c", f"import subprocess, time; subprocess.Popen({command!r}); time.sleep(600)")
    )
    _until(ids.exists)
    processes = list(map(int, ids.read_text().split()))
    starter.kill()
    starter.wait()
    _until(lambda: _gone(processes))
