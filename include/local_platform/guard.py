"""`python -m local_platform.guard [--spare] GRACE PROGRAM …`: runs one service, answers for all that comes of it.

Airflow's workers and parsers outlive a killed parent, hold its ports and its database, and make the restart fail. So
each service runs under a guard that adopts orphans (Linux: a subreaper), ends them all when the service ends, and ends
the service when whoever started the guard dies. Standard library only: a guard costs one small process.

GRACE: how many seconds the service has to end after a SIGTERM, before it is killed.
--spare: when the service ends without having been told to, such as by a SIGKILL, what it left in sessions of its own
lives on: its next process takes that over.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

SET_PDEATHSIG = 1  # prctl numbers of linux/prctl.h
SET_CHILD_SUBREAPER = 36
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ORPHAN_GRACE = 2.0
"""Seconds that processes which an ended service leaves behind have between SIGTERM and SIGKILL."""


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(kind: signal.Signals = signal.SIGKILL) -> None:
    """Asks the kernel to send this process `kind` when its parent dies."""
    _prctl(SET_PDEATHSIG, kind)


def main(arguments: Sequence[str]) -> int:
    """Runs the command until it ends; returns its exit code, 128 + n when signal n ended it."""
    parent = os.getppid()
    die_with_parent(signal.SIGTERM)
    _prctl(SET_CHILD_SUBREAPER, 1)
    if os.getppid() != parent:
        return 1  # the parent was gone before the kernel could be asked
    spare = arguments[0] == "--spare"
    grace, *command = arguments[1:] if spare else arguments
    child = subprocess.Popen(command, preexec_fn=die_with_parent)  # noqa: S603 - one thread; our own commands
    told = _forward_signals(child, int(grace))
    code = child.wait()
    # Killed, it could not tell them to end: what they were doing is found again, like after a power cut.
    end_orphans(grace=ORPHAN_GRACE if code >= 0 else 0, spare=spare and not told)
    return code if code >= 0 else 128 - code


def _forward_signals(child: "subprocess.Popen[bytes]", grace: int) -> list[int]:
    """Passes signals on to the service; the list that it returns holds those that have come so far."""
    told: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        child.send_signal(number)
        signal.alarm(grace)

    for number in FORWARDED:
        signal.signal(number, forward)
    signal.signal(signal.SIGALRM, lambda _number, _frame: child.kill())
    return told


def end_orphans(grace: float, spare: bool = False) -> None:
    """Ends every process that this one has left or adopted: each SIGTERM once, SIGKILL after `grace` seconds.

    With `spare`, not those that lead a session of their own.
    """
    deadline, asked = time.monotonic() + grace, set[int]()
    while left := [process for process in children() if not (spare and _leads_session(process))]:
        kill = time.monotonic() >= deadline
        for process in left:
            if kill or process not in asked:
                asked.add(process)
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL if kill else signal.SIGTERM)
        time.sleep(0.02)
        _reap()


def _leads_session(process: int) -> bool:
    try:
        return os.getsid(process) == process
    except ProcessLookupError:
        return False


def children() -> list[int]:
    """The process ids whose parent is this process."""
    ours = str(os.getpid())
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == ours]


def _parent(entry: Path) -> str:
    try:
        # pid (name, which may hold anything) state parent …
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
    except OSError:
        return ""


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
