"""`python -m local_platform.guard PROGRAM …`: runs one service and answers for every process that comes of it.

Airflow's workers and parsers outlive a killed parent, hold its ports and its database, and make the restart fail. So
each service runs under a guard that adopts orphans (Linux: a subreaper), ends them all when the service ends, and ends
the service when whoever started the guard dies. Standard library only: a guard costs one small process.
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
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GRACE = 3.0
"""Seconds that orphans of an ended service have between SIGTERM and SIGKILL."""


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(kind: signal.Signals = signal.SIGKILL) -> None:
    """Asks the kernel to send this process `kind` when its parent dies."""
    _prctl(SET_PDEATHSIG, kind)


def main(command: Sequence[str]) -> int:
    """Runs the command until it ends; returns its exit code, 128 + n when signal n ended it."""
    parent = os.getppid()
    die_with_parent(signal.SIGTERM)
    _prctl(SET_CHILD_SUBREAPER, 1)
    if os.getppid() != parent:
        return 1  # the parent was gone before the kernel could be asked
    child = subprocess.Popen(list(command), preexec_fn=die_with_parent)  # noqa: S603 - one thread; our own commands

    def forward(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in SIGNALS:
        signal.signal(number, forward)
    code = child.wait()
    end_orphans()
    return code if code >= 0 else 128 - code


def end_orphans() -> None:
    """Ends every process that this one has left or adopted: SIGTERM, then SIGKILL."""
    deadline = time.monotonic() + GRACE
    kind = signal.SIGTERM
    while left := children():
        for process in left:
            _send(process, kind)
        if kind is signal.SIGTERM:
            _wait_until_gone(deadline)
            kind = signal.SIGKILL
        else:
            time.sleep(0.02)
        _reap()


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


def _send(process: int, kind: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, kind)


def _wait_until_gone(deadline: float) -> None:
    while children() and time.monotonic() < deadline:
        _reap()
        time.sleep(0.02)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
