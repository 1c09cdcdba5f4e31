"""One attempt to run a container, as the server sees it: the shim's files and its process."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import local_cluster
from local_cluster.shim.logfile import timestamp
from local_cluster.shim.spec import RunSpec

SOURCES = str(Path(local_cluster.__file__).parent.parent)
PROGRAM = f"import sys; sys.path.insert(0, {SOURCES!r}); from local_cluster.shim.monitor import main; main(sys.argv[1])"
LOST = "The container could not be located: its processes ended without a record, as after a restart of the machine"


class Run:
    """A container attempt. `started` and `ended` are events; `start_record` and `end_record` are what the shim
    wrote.
    """

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
        """Whether the container may still do something."""
        return self._handle >= 0 and not self.ended.is_set()

    def launch(self, spec: RunSpec) -> None:
        """Start the shim. Raises OSError."""
        self._process = _start_shim(spec, self.directory)
        self._watch(self._process.pid)

    async def attach(self) -> None:
        """Find the shim that an earlier server started, or record that it is lost."""
        self.refresh()
        if self.ended.is_set():
            return
        for _ in range(20):
            if self._is_locked():
                break
            await asyncio.sleep(0.05)  # a shim that was just started has not taken its lock yet
        with suppress(FileNotFoundError, ProcessLookupError, ValueError):
            if self._is_locked():
                self._watch(int((self.directory / "shim.pid").read_text()))
                return
        self._shim_ended()

    def refresh(self) -> None:
        """Read what the shim has written by now."""
        for name, event, record in (
            ("started.json", self.started, self.start_record),
            ("exit.json", self.ended, self.end_record),
        ):
            if event.is_set():
                continue
            with suppress(FileNotFoundError):
                record.update(json.loads((self.directory / name).read_text()))
                event.set()

    def refuse(self, why: str) -> None:
        """Record that the container cannot be started."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log.touch(mode=0o600)
        (self.directory / "spec.json").write_text("{}", encoding="utf-8")
        self._write_end({"exitCode": 128, "failure": why})

    async def settled(self) -> None:
        """Wait until the container runs or has ended."""
        waits = [asyncio.create_task(self.started.wait()), asyncio.create_task(self.ended.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def terminate(self) -> None:
        """Ask the container to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the container now."""
        self._signal(signal.SIGUSR1)

    def _signal(self, number: signal.Signals) -> None:
        if self._handle >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def _watch(self, pid: int) -> None:
        self._handle = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._handle, self._shim_ended)

    def _shim_ended(self) -> None:
        """The shim is gone: with a record, or killed."""
        self.refresh()
        self._forget()
        if self._process is not None:
            self._process.wait()
        if not self.ended.is_set():
            self._write_end({"exitCode": 137, "failure": "", "lost": True})

    def _write_end(self, record: dict[str, Any]) -> None:
        """Write the record that no shim writes."""
        whole = {"finishedAt": timestamp(time.time_ns()), "outOfMemory": False} | record
        (self.directory / "exit.json").write_text(json.dumps(whole), encoding="utf-8")
        self.refresh()

    def _forget(self) -> None:
        if self._handle >= 0:
            asyncio.get_running_loop().remove_reader(self._handle)
            os.close(self._handle)
            self._handle = -1

    def _is_locked(self) -> bool:
        try:
            with (self.directory / "shim.lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


def run_to_end(spec: RunSpec, directory: Path) -> dict[str, Any]:
    """Run a container and wait for it; returns the record of its end. Raises RuntimeError when the shim left none."""
    _start_shim(spec, directory).wait()
    try:
        record: dict[str, Any] = json.loads((directory / "exit.json").read_text())
    except FileNotFoundError as error:
        raise RuntimeError(
            f"cannot start containers: {(directory / 'shim.log').read_text(errors='replace')}"
        ) from error
    return record


def _start_shim(spec: RunSpec, directory: Path) -> subprocess.Popen[bytes]:
    """Start the parent process of a container, in a session of its own and with nothing of this process's
    environment.
    """
    directory.mkdir(parents=True, exist_ok=True)
    spec.write(directory / "spec.json")
    (directory / "log").touch(mode=0o600)
    with (directory / "shim.log").open("wb") as errors:
        return subprocess.Popen(  # noqa: S603 - this interpreter and a program text of ours
            [sys.executable, "-S", "-E", "-s", "-c", PROGRAM, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            cwd="/",
            env={},
            start_new_session=True,
        )
