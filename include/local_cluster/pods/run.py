"""One attempt to run a container: the files and the process of its shim."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import local_cluster
from local_cluster.files import write_atomically
from local_cluster.pods.records import GONE, make_lost_end, read_end, read_start
from local_cluster.shim.logfile import format_timestamp
from local_cluster.shim.spec import RunSpec

SOURCES = str(Path(local_cluster.__file__).parent.parent)
PROGRAM = f"import sys; sys.path.insert(0, {SOURCES!r}); from local_cluster.shim.monitor import main; main(sys.argv[1])"

logger = logging.getLogger(__name__)


class Run:
    """One attempt. `started` and `ended` are events; `start_record` and `end_record` are what the shim recorded."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started = asyncio.Event()
        self.ended = asyncio.Event()
        self.start_record: dict[str, Any] = {}
        self.end_record: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._handle = -1

    @property
    def log(self) -> Path:
        """The container's output."""
        return self.directory / "log"

    @property
    def is_alive(self) -> bool:
        """Whether the container may still be running."""
        return self._handle >= 0 and not self.ended.is_set()

    def launch(self, spec: RunSpec) -> None:
        """Starts the shim. Raises OSError."""
        self._process = _start_shim(spec, self.directory)
        self._watch(self._process.pid)

    async def attach(self) -> None:
        """Finds the shim that an earlier server started, or records that it is lost."""
        self.refresh()
        if self.ended.is_set():
            return
        for _ in range(20):
            if is_locked(self.directory):
                break
            await asyncio.sleep(0.05)  # a shim that was just started has not taken its lock yet
        shim = find_shim(self.directory)
        with suppress(ProcessLookupError):
            if shim:
                self._watch(shim)
                return
        self._handle_shim_end()

    def refresh(self) -> None:
        """Reads the records that the shim has written so far."""
        if not self.started.is_set() and (start := read_start(self.directory / "started.json")):
            self.accept_start(start)
        if not self.ended.is_set() and (end := read_end(self.directory / "exit.json")):
            if "lost" in end:
                self._write_end(end)  # logged once: from now on there is a readable record
            self.accept_end(end)

    def accept_start(self, record: dict[str, Any]) -> None:
        """Accepts the record of the container's start."""
        if not self.started.is_set():
            self.start_record.update(record)
            self.started.set()

    def accept_end(self, record: dict[str, Any]) -> None:
        """Accepts the record of the container's end, from its file, or from the shim while the disk is full."""
        if not self.ended.is_set():
            self.end_record.update(record)
            self.ended.set()

    def refuse(self, why: str) -> None:
        """Records that the container cannot be started."""
        with suppress(OSError):  # the pod's status has the reason too
            self.directory.mkdir(parents=True, exist_ok=True)
            self.log.touch(mode=0o600)
            write_atomically(self.directory / "spec.json", b"{}")
        moment = format_timestamp(time.time_ns())
        self._end_with({"exitCode": 128, "failure": why, "finishedAt": moment, "outOfMemory": False})

    async def wait_until_settled(self) -> None:
        """Waits until the container runs or has ended."""
        waits = [asyncio.create_task(self.started.wait()), asyncio.create_task(self.ended.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def terminate(self) -> None:
        """Asks the container to end."""
        self._send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the container now."""
        self._send_signal(signal.SIGUSR1)

    def _send_signal(self, number: signal.Signals) -> None:
        if self._handle >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def _watch(self, pid: int) -> None:
        self._handle = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._handle, self._handle_shim_end)

    def _handle_shim_end(self) -> None:
        """Reads the last records when the shim has ended; without one, records that the end is lost."""
        self.refresh()
        self._forget()
        if self._process is not None:
            self._process.wait()
        if not self.ended.is_set():
            self._end_with(make_lost_end(GONE))

    def _end_with(self, record: dict[str, Any]) -> None:
        """Records an end that no shim recorded."""
        self._write_end(record)
        self.accept_end(record)

    def _write_end(self, record: dict[str, Any]) -> None:
        """Writes the record. If that fails, the next server records the end as lost."""
        try:
            write_atomically(self.directory / "exit.json", json.dumps(record).encode())
        except OSError as error:
            logger.error("cannot write %s: %s", self.directory / "exit.json", error.strerror)

    def _forget(self) -> None:
        if self._handle >= 0:
            asyncio.get_running_loop().remove_reader(self._handle)
            os.close(self._handle)
            self._handle = -1


def is_locked(directory: Path) -> bool:
    """Whether the shim of an attempt runs."""
    try:
        with (directory / "shim.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def find_shim(directory: Path) -> int:
    """Returns the process id of the running shim of an attempt; 0 when there is none.

    It looks at the processes themselves: a file with the id could be lost or damaged while the shim runs.
    """
    if not is_locked(directory):
        return 0
    ending = b"\0" + os.fsencode(directory) + b"\0"
    parents: dict[int, int] = {}
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                if (process / "cmdline").read_bytes().endswith(ending):
                    status = (process / "stat").read_text(errors="replace")
                    parents[int(process.name)] = int(status.rpartition(")")[2].split()[1])
    # Its child has the same command line until it executes the container.
    return next((process for process, parent in parents.items() if parent not in parents), 0)


def list_attempts(directory: Path, file: str) -> list[int]:
    """Returns the numbers of a container's attempts that have `file`, in order."""
    runs = directory.iterdir() if directory.is_dir() else ()
    return sorted(int(run.name) for run in runs if run.name.isdecimal() and (run / file).exists())


def run_to_end(spec: RunSpec, directory: Path) -> dict[str, Any]:
    """Runs a container to its end and returns the record of it. Raises RuntimeError when the shim left none."""
    _start_shim(spec, directory).wait()
    try:
        record: dict[str, Any] = json.loads((directory / "exit.json").read_text())
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"cannot start containers: {(directory / 'shim.log').read_text(errors='replace')}"
        ) from error
    return record


def _start_shim(spec: RunSpec, directory: Path) -> subprocess.Popen[bytes]:
    """Starts the parent process of a container, in its own session and without this process's environment."""
    directory.mkdir(parents=True, exist_ok=True)
    spec.write(directory / "spec.json")
    (directory / "log").touch(mode=0o600)
    with (directory / "shim.log").open("wb") as errors:
        return subprocess.Popen(  # noqa: S603 - this interpreter and our own program
            [sys.executable, "-S", "-E", "-s", "-c", PROGRAM, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            cwd="/",
            env=spec.mark,
            start_new_session=True,
        )
