"""Runs one container from its start to the record of its end."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

from local_cluster.files import write_atomically
from local_cluster.shim import linux, memory, sandbox
from local_cluster.shim.child import become_container
from local_cluster.shim.logfile import LogFile, format_timestamp
from local_cluster.shim.spec import RunSpec

MEMORY_INTERVAL = 0.1  # seconds between two checks of the container's memory
CLOSE_INTERVAL = 0.02  # the same, once it holds half of its limit
LEASE_INTERVAL = 5.0  # seconds between two checks for a running server
RECORD_INTERVAL = 1.0  # seconds between two attempts to record an end on a full disk
LONGEST_FAILURE = 500  # characters: a message to the server must fit into one write to the pipe
KILL = signal.SIGUSR1  # what the server sends to end the container at once; SIGTERM is forwarded


class Monitor:
    """Runs one container. It tells the server by files in its directory: `started.json`, `exit.json`, `log`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._spec = RunSpec.read(directory / "spec.json")
        self._log = LogFile(str(directory / "log"))
        self._container = 0
        self._status: int | None = None
        self._started_at = 0
        self._failure = ""
        self._out_of_memory = False
        self._server_seen = time.monotonic()
        self._memory_seen = 0.0
        self._interval = MEMORY_INTERVAL if self._spec.memory_limit else LEASE_INTERVAL

    def run(self) -> None:
        """Starts the container, follows it to its end, and writes `exit.json`."""
        wake = _open_signal_pipe()
        linux.set_process_property(linux.PR_SET_CHILD_SUBREAPER, 1)
        try:
            output, failure = self._start()
        except OSError as error:
            self._failure = f"cannot prepare the container: {error}"
        else:
            self._follow(output, failure, wake)
        self._end()

    def _start(self) -> tuple[int, int]:
        """Forks the container; returns the read ends of its output pipe and of its failure pipe."""
        output_read, output_write = os.pipe()
        failure_read, failure_write = os.pipe()
        scratch = self._directory / "root"
        scratch.mkdir()
        if self._spec.namespaces != "none":
            sandbox.make_namespaces(with_processes=self._spec.namespaces == "pid")
        self._container = os.fork()
        if self._container == 0:
            become_container(self._spec, str(scratch), output_write, failure_write)
        os.close(output_write)
        os.close(failure_write)
        self._started_at = time.time_ns()
        return output_read, failure_read

    def _follow(self, output: int, failure: int, wake: int) -> None:
        """Copies the output and handles signals until the container's first process has ended."""
        sources = {output, failure, wake}
        while self._status is None:
            ready, _, _ = select.select(sources, (), (), self._interval)
            for source in ready:
                if source == wake:
                    self._handle_signals(os.read(wake, 64))
                elif data := os.read(source, 65536):
                    self._accept_output(data, is_failure=source == failure)
                else:
                    sources.discard(source)
                    if source == failure and not self._failure:
                        self._announce_start()
            self._check_memory()
            self._check_lease()
        self._drain({failure, output} & sources, failure)

    def _accept_output(self, data: bytes, is_failure: bool) -> None:
        if is_failure:
            self._failure += data.decode(errors="replace")
        else:
            self._log.write_lines(data)

    def _drain(self, sources: set[int], failure: int) -> None:
        """Copies what the container wrote just before it ended; later output of its orphans is lost."""
        while sources:
            ready, _, _ = select.select(sources, (), (), 0)
            if not ready:
                return
            for source in ready:
                if data := os.read(source, 65536):
                    self._accept_output(data, is_failure=source == failure)
                else:
                    sources.discard(source)

    def _handle_signals(self, numbers: bytes) -> None:
        """Forwards SIGTERM, kills on request, and reaps ended processes."""
        if signal.SIGTERM in numbers:
            self._send_signal(signal.SIGTERM)
        if KILL in numbers:
            self._send_signal(signal.SIGKILL)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._container:
                self._status = status

    def _send_signal(self, number: signal.Signals) -> None:
        """Signals the first process only, as Kubernetes does; without a process namespace, its group."""
        send = os.kill if self._spec.namespaces == "pid" else os.killpg
        with suppress(ProcessLookupError):
            send(self._container, number)

    def _check_memory(self) -> None:
        """Ends the container when it holds more than its limit. Checks at most every few hundredths of a second."""
        limit, now = self._spec.memory_limit, time.monotonic()
        if not limit or self._status is not None or now - self._memory_seen < CLOSE_INTERVAL / 2:
            return
        held = memory.measure_held_bytes(memory.list_descendants(os.getpid()))
        self._memory_seen = now
        self._interval = CLOSE_INTERVAL if held > limit / 2 else MEMORY_INTERVAL
        if held > limit:
            self._out_of_memory = True
            self._send_signal(signal.SIGKILL)

    def _check_lease(self) -> None:
        """Ends the container when no server has held its lock for `orphan_seconds`."""
        now = time.monotonic()
        if now - self._server_seen < LEASE_INTERVAL:
            return
        if self._is_abandoned():
            self._send_signal(signal.SIGKILL)

    def _is_abandoned(self) -> bool:
        """Whether no server has held its lock for `orphan_seconds`."""
        now = time.monotonic()
        try:
            with Path(self._spec.server_lock).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            self._server_seen = now
        except OSError:  # the lock's file is gone with the server's state, or this machine is out of file handles
            pass
        return now - self._server_seen > self._spec.orphan_seconds

    def _announce_start(self) -> None:
        record = {"pid": self._container, "startedAt": format_timestamp(self._started_at)}
        with suppress(OSError):  # on a full disk the server gets it through its pipe only
            self._write("started.json", record)
        self._notify("started", record)

    def _end(self) -> None:
        """Kills the processes that the container left, then records its end."""
        for pid in memory.list_descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._log.close()
        record = {
            "exitCode": 128 if self._failure else _compute_exit_code(self._status or 0),
            "startedAt": format_timestamp(self._started_at),
            "finishedAt": format_timestamp(time.time_ns()),
            "failure": self._failure[:LONGEST_FAILURE],
            "outOfMemory": self._out_of_memory,
        }
        self._record_end(record)

    def _record_end(self, record: dict[str, object]) -> None:
        """Writes `exit.json`.

        While the disk is full, it sends the record to the server and waits for space, as long as a server may read the
        file.
        """
        while True:
            try:
                self._write("exit.json", record)
            except FileNotFoundError:
                return  # the pod was deleted meanwhile
            except OSError:
                self._notify("ended", record)
            else:
                self._notify("ended", record)
                return
            if self._is_abandoned():
                return
            time.sleep(RECORD_INTERVAL)

    def _write(self, name: str, record: dict[str, object]) -> None:
        write_atomically(self._directory / name, json.dumps(record).encode())

    def _notify(self, event: str, record: dict[str, object]) -> None:
        """Sends the server, if there is one, the content of a record."""
        message = {"key": self._spec.key, "event": event, "record": record}
        with suppress(OSError):
            pipe = os.open(self._spec.notify, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(pipe, json.dumps(message).encode() + b"\n")
            finally:
                os.close(pipe)


def _compute_exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _open_signal_pipe() -> int:
    """Returns a pipe from which the numbers of the handled signals can be read."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGTERM, signal.SIGCHLD, KILL):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return read


def main(directory: str) -> None:
    """Runs the container described in `directory`, in a session that no terminal and no supervisor signals."""
    os.umask(0o077)
    held = os.open(f"{directory}/shim.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    Monitor(Path(directory)).run()
