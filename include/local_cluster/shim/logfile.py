"""Writes the log of one container: each line with the time at which it was written.

A record is `<RFC 3339 time with nanoseconds> F|P <text>`: F ends a line, P is a part of one that is longer than
`LONGEST`.
"""

from __future__ import annotations

import os
import time

LONGEST = 16 * 1024
LARGEST = 256 * 1024 * 1024  # bytes of one log: a container that writes without end must not fill the disk


def format_timestamp(nanoseconds: int) -> str:
    """Returns a time in UTC as Kubernetes writes it in logs."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:09d}Z"


class LogFile:
    """Turns a stream of bytes into records, whole lines at a time."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._rest = b""
        self._room = LARGEST
        self._lost = 0
        self._torn = False

    def write_lines(self, data: bytes) -> None:
        """Writes the lines that are complete, and keeps the rest."""
        now = format_timestamp(time.time_ns()).encode()
        *lines, self._rest = (self._rest + data).split(b"\n")
        records = [record for line in lines for record in self._split_records(now, line)]
        while len(self._rest) >= LONGEST:
            records.append(now + b" P " + self._rest[:LONGEST] + b"\n")
            self._rest = self._rest[LONGEST:]
        self._write(b"".join(records))

    def close(self) -> None:
        """Writes what came after the last line end."""
        if self._rest:
            now = format_timestamp(time.time_ns()).encode()
            self._write(now + b" P " + self._rest + b"\n")
        os.close(self._file)

    def _split_records(self, now: bytes, line: bytes) -> list[bytes]:
        cuts = range(0, max(len(line), 1), LONGEST)
        parts = [line[cut : cut + LONGEST] for cut in cuts]
        return [now + b" P " + part + b"\n" for part in parts[:-1]] + [now + b" F " + parts[-1] + b"\n"]

    def _write(self, data: bytes) -> None:
        """Writes records. On a full log or disk lines are lost, but the container goes on."""
        if self._room <= 0:
            return
        self._room -= len(data)
        if self._room <= 0:
            data += format_timestamp(time.time_ns()).encode() + b" F log full: what follows is dropped\n"
        counted = len(data)
        if self._lost:
            now = format_timestamp(time.time_ns())
            data = f"{now} F disk full: about {self._lost} bytes of the output were dropped here\n".encode() + data
        self._append((b"\n" if self._torn else b"") + data, counted)

    def _append(self, data: bytes, counted: int) -> None:
        """Writes, remembering what a full disk cut off."""
        size = len(data)
        while data:
            try:
                data = data[os.write(self._file, data) :]
            except OSError:
                self._lost += min(len(data), counted)
                self._torn = self._torn or len(data) < size
                return
        self._lost, self._torn = 0, False
