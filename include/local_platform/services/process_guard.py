"""`python -m local_platform.services.process_guard [OPTIONS] GRACE PROGRAM …`: runs one service and ends every process that comes of it.

Airflow's workers and parsers outlive a killed parent, hold its ports and its database, and make the restart fail. So
each service runs under two processes that adopt orphans (Linux: subreapers). The inner one, the reaper, starts the
service. The outer one starts the reaper. Whichever of them is killed, the other ends all that is left.

| what dies | what happens |
|---|---|
| the service | the reaper ends what it left behind |
| the reaper | the kernel kills the service; the guard ends the rest |
| the guard | the reaper kills the service and the rest at once, for the supervisor starts the service again |
| who started the guard | the guard asks the service to end, and so on |

GRACE: how many seconds the service has to end after a SIGTERM, before it is killed.
--spare: when the service ends without having been told to, such as by a SIGKILL, what it left in sessions of its own
lives on: its next process takes that over.
--watch URL COMPONENT: kills a service that Airflow's health report at URL shows to have hung.

Standard library only: a guard costs one small process, the reaper shares its memory.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

SET_PDEATHSIG = 1  # prctl numbers of linux/prctl.h
SET_CHILD_SUBREAPER = 36
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GUARD_DIED = signal.SIGUSR1
"""What the kernel sends to the reaper when the guard dies."""
SHORTEST = 2.0
"""Seconds that a guard runs at least, unless it is told to end. The supervisor gives up what often ends in one second,
as a service does on a full disk, and would not try it again once there is space."""
ORPHAN_GRACE = 2.0
"""Seconds that processes which an ended service leaves behind have between SIGTERM and SIGKILL."""


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(kind: signal.Signals = signal.SIGKILL) -> None:
    """Asks the kernel to send this process `kind` when its parent dies."""
    _prctl(SET_PDEATHSIG, kind)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m local_platform.services.process_guard")
    parser.add_argument("--spare", action="store_true")
    parser.add_argument("--watch", nargs=2, metavar=("URL", "COMPONENT"))
    parser.add_argument("grace", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Runs the command until it ends; returns its exit code, 128 + n when signal n ended it."""
    options, started = parse(arguments), time.monotonic()
    if not _adopt_orphans(os.getppid(), signal.SIGTERM):
        return 1
    guard = os.getpid()
    reaper = os.fork()
    if not reaper:
        os._exit(_run_reaper(guard, options))
    asked = _forward_signals(lambda number: os.kill(reaper, number))
    code = os.waitstatus_to_exitcode(os.waitpid(reaper, 0)[1])
    end_orphans(grace=ORPHAN_GRACE if code >= 0 else 0, spare=options.spare and not asked)
    if not asked:
        time.sleep(max(0.0, SHORTEST - (time.monotonic() - started)))
    return code if code >= 0 else 128 - code


def _adopt_orphans(parent: int, kind: signal.Signals) -> bool:
    """Makes this process the parent of its orphans, and `kind` its end when its own parent dies. False: it is dead."""
    die_with_parent(kind)
    _prctl(SET_CHILD_SUBREAPER, 1)
    return os.getppid() == parent


def _run_reaper(guard: int, options: argparse.Namespace) -> int:
    """Runs the service until it ends; returns its exit code, as `main` does."""
    if not _adopt_orphans(guard, GUARD_DIED):
        return 1
    child = subprocess.Popen(options.command, preexec_fn=die_with_parent)  # noqa: S603 - one thread; our own commands
    guard_died = _kill_with_guard(child)
    asked = _forward_signals(lambda number: _ask(child, number, options.grace))
    signal.signal(signal.SIGALRM, lambda _number, _frame: child.kill())
    if options.watch:
        from local_platform.services.watchdog import watch  # only some are watched

        watch(child.pid, *options.watch)
    code = child.wait()
    # Killed, it could not tell them to end: what they were doing is found again, like after a power cut.
    end_orphans(grace=ORPHAN_GRACE if code >= 0 and not guard_died else 0, spare=options.spare and not asked)
    return code if code >= 0 else 128 - code


def _ask(child: "subprocess.Popen[bytes]", number: int, grace: int) -> None:
    child.send_signal(number)
    signal.alarm(grace)


def _kill_with_guard(child: "subprocess.Popen[bytes]") -> list[int]:
    """Kills the service when the guard dies; the list is empty until then."""
    died: list[int] = []

    def kill(number: int, _frame: FrameType | None) -> None:
        died.append(number)
        child.kill()

    signal.signal(GUARD_DIED, kill)
    return died


def _forward_signals(forward: Callable[[int], None]) -> list[int]:
    """Hands on what asks this process to end; the list holds what came."""
    came: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        with suppress(ProcessLookupError):
            forward(number)

    for number in FORWARDED:
        signal.signal(number, handle)
    return came


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
