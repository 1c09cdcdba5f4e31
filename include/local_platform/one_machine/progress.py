"""How the platform tells people what it does: one line per thing done, with its seconds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

EVERY = 5.0
"""Seconds between two lines about the same thing, where lines cannot be overwritten."""


class Progress:
    """Lines on a console, and the seconds of each phase."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.seconds: dict[str, float] = {}

    def say(self, text: str) -> None:
        """One line, now."""
        self.console.print(text)

    @contextmanager
    def doing(self, what: str) -> Iterator["Doing"]:
        """Names what is done in a `with` block; at its end one line with the seconds, or a mark of failure."""
        started = time.monotonic()
        doing = Doing(self.console, what)
        try:
            with doing.shown():
                yield doing
        except BaseException:
            self.console.print(f"  [red]✗[/] {what}")
            raise
        self.seconds[what] = time.monotonic() - started
        note = f"  [dim]{doing.result}[/]" if doing.result else ""
        self.console.print(f"  [green]✓[/] {what:<44}[dim]{self.seconds[what]:6.1f} s[/]{note}")


class Doing:
    """One thing that is being done: `now` says how far it is, `result` what came of it."""

    def __init__(self, console: Console, what: str) -> None:
        self._console = console
        self._what = what
        self._status = console.status(f"{what} …")
        self._told = ""
        self._when = time.monotonic()
        self.result = ""

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows it while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with self._status:
            yield

    def now(self, text: str) -> None:
        """How far it is: on a terminal in place, elsewhere a line when it has changed, every few seconds at most."""
        if self._console.is_terminal:
            self._status.update(f"{self._what}: {text}")
        elif text != self._told and time.monotonic() - self._when > EVERY:
            self._console.print(f"    {text}", markup=False)
            self._told, self._when = text, time.monotonic()
