"""Runs one service and ends every process that the service starts.

`python -m local_platform.services.process_guard [OPTIONS] GRACE PROGRAM …`

Airflow's workers and parsers outlive a killed parent. They hold its ports and its database, and the restart fails. So
each service runs under two processes that adopt orphans (Linux: subreapers). The inner one, the reaper, starts the
service. The outer one, the guard, starts the reaper. If one of them is killed, the other ends all that is left.

| what dies | what happens |
|---|---|
| the service | the reaper ends what it left behind |
| the reaper | the kernel kills the service; the guard ends the rest |
| the guard | the reaper kills the service and the rest at once, because the supervisor starts the service again |
| the guard's parent | the guard sends the service SIGTERM, as when it is stopped |

GRACE: seconds between SIGTERM and SIGKILL for the service.
--spare: if the service ends without a request, such as by a SIGKILL, its children that lead a session of their own
live on, and its next process takes them over.
--watch URL COMPONENT: kills a service that hangs, according to Airflow's health report at URL.

Standard library only: a guard costs one small process, and the reaper shares its memory.
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
SHORTEST_RUN = 2.0
"""Seconds that a guard runs at least, unless it is asked to end. The supervisor gives up on a program that often ends
within one second, as a service does on a full disk, and would not start it again once there is space."""
ORPHAN_GRACE = 2.0
"""Seconds that processes which an ended service leaves behind have between SIGTERM and SIGKILL."""


def _call_prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def request_signal_on_parent_death(kind: signal.Signals = signal.SIGKILL) -> None:
    """Asks the kernel to send this process `kind` when its parent dies."""
    _call_prctl(SET_PDEATHSIG, kind)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m local_platform.services.process_guard")
    parser.add_argument("--spare", action="store_true")
    parser.add_argument("--watch", nargs=2, metavar=("URL", "COMPONENT"))
    parser.add_argument("grace", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Runs the command until it ends; returns its exit code, 128 + n when signal n ended it."""
    options, started = parse_arguments(arguments), time.monotonic()
    if not _adopt_orphans(os.getppid(), signal.SIGTERM):
        return 1
    guard = os.getpid()
    reaper = os.fork()
    if not reaper:
        os._exit(_run_reaper(guard, options))
    received = _forward_signals(lambda number: os.kill(reaper, number))
    code = os.waitstatus_to_exitcode(os.waitpid(reaper, 0)[1])
    end_orphans(grace=ORPHAN_GRACE if code >= 0 else 0, spare=options.spare and not received)
    if not received:
        time.sleep(max(0.0, SHORTEST_RUN - (time.monotonic() - started)))
    return code if code >= 0 else 128 - code


def _adopt_orphans(parent: int, kind: signal.Signals) -> bool:
    """Makes this process adopt orphans and get the signal `kind` when `parent` dies. Returns False if it is dead."""
    request_signal_on_parent_death(kind)
    _call_prctl(SET_CHILD_SUBREAPER, 1)
    return os.getppid() == parent


def _run_reaper(guard: int, options: argparse.Namespace) -> int:
    """Runs the service until it ends; returns its exit code, as `main` does."""
    if not _adopt_orphans(guard, GUARD_DIED):
        return 1
    child = subprocess.Popen(options.command, preexec_fn=request_signal_on_parent_death)  # noqa: S603 - one thread; our own commands
    guard_died = _kill_with_guard(child)
    received = _forward_signals(lambda number: _ask_to_end(child, number, options.grace))
    signal.signal(signal.SIGALRM, lambda _number, _frame: child.kill())
    if options.watch:
        from local_platform.services.watchdog import watch  # only some are watched

        watch(child.pid, *options.watch)
    code = child.wait()
    # A killed service could not stop its children: they are killed too, as in a power cut.
    end_orphans(grace=ORPHAN_GRACE if code >= 0 and not guard_died else 0, spare=options.spare and not received)
    return code if code >= 0 else 128 - code


def _ask_to_end(child: "subprocess.Popen[bytes]", number: int, grace: int) -> None:
    child.send_signal(number)
    signal.alarm(grace)


def _kill_with_guard(child: "subprocess.Popen[bytes]") -> list[int]:
    """Kills the service when the guard dies; the list is empty until then."""
    signals: list[int] = []

    def kill(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        child.kill()

    signal.signal(GUARD_DIED, kill)
    return signals


def _forward_signals(forward: Callable[[int], None]) -> list[int]:
    """Forwards the signals that ask this process to end; the list holds those that arrived."""
    received: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        with suppress(ProcessLookupError):
            forward(number)

    for number in FORWARDED:
        signal.signal(number, handle)
    return received


def end_orphans(grace: float, spare: bool = False) -> None:
    """Ends every child of this process, adopted ones too: SIGTERM once, SIGKILL after `grace` seconds.

    With `spare`, those that lead a session of their own live on.
    """
    deadline, signalled = time.monotonic() + grace, set[int]()
    while remaining := [process for process in list_children() if not (spare and _is_session_leader(process))]:
        kill = time.monotonic() >= deadline
        for process in remaining:
            if kill or process not in signalled:
                signalled.add(process)
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL if kill else signal.SIGTERM)
        time.sleep(0.02)
        _reap()


def _is_session_leader(process: int) -> bool:
    try:
        return os.getsid(process) == process
    except ProcessLookupError:
        return False


def list_children() -> list[int]:
    """Returns the ids of the processes whose parent is this process."""
    own_id = str(os.getpid())
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _read_parent(entry) == own_id
    ]


def _read_parent(entry: Path) -> str:
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
