"""Signals to processes that may end at any time."""

import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil


def send_each(processes: Iterable[psutil.Process], number: signal.Signals = signal.SIGKILL) -> None:
    """Sends a signal to every process. One that has ended meanwhile is left out."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
