"""Shows what the platform does: one line per finished task, with its seconds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

EVERY = 5.0
"""Seconds between two lines about one task, where lines cannot be overwritten."""


class Progress:
    """Lines on a console, and the seconds of each task."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.seconds: dict[str, float] = {}

    def print_line(self, text: str) -> None:
        """Prints one line."""
        self.console.print(text)

    @contextmanager
    def show_task(self, title: str) -> Iterator["Task"]:
        """Shows a task while the block runs, and prints one line at its end: its seconds, or that it failed."""
        started = time.monotonic()
        task = Task(self.console, title)
        try:
            with task.show():
                yield task
        except BaseException:
            self.console.print(f"  [red]✗[/] {title}")
            raise
        self.seconds[title] = time.monotonic() - started
        note = f"  [dim]{task.result}[/]" if task.result else ""
        self.console.print(f"  [green]✓[/] {title:<44}[dim]{self.seconds[title]:6.1f} s[/]{note}")


class Task:
    """One task that runs: `update` shows its progress, `result` is printed at its end."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._status = console.status(f"{title} …")
        self._last_text = ""
        self._last_time = time.monotonic()
        self.result = ""

    @contextmanager
    def show(self) -> Iterator[None]:
        """Shows the task while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with self._status:
            yield

    def update(self, text: str) -> None:
        """Shows the progress: in place on a terminal, elsewhere as a line if it changed, at most every few seconds."""
        if self._console.is_terminal:
            self._status.update(f"{self._title}: {text}")
        elif text != self._last_text and time.monotonic() - self._last_time > EVERY:
            self._console.print(f"    {text}", markup=False)
            self._last_text, self._last_time = text, time.monotonic()
