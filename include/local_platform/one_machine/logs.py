"""`make logs`: follows the services' logs, each line with the service's name."""

import time
from pathlib import Path

from local_platform.errors import CannotStart
from local_platform.one_machine.home import Home

LAST = 4000
"""Bytes of each log that are shown before following it."""


def follow_logs(home: Home, service: str | None) -> None:
    """Prints the end of the logs and every new line, until interrupted. Raises `CannotStart` for an unknown service."""
    logs = {path.stem: path for path in sorted(home.logs.glob("*.log"))} if home.logs.is_dir() else {}
    if not logs:
        raise CannotStart("there is no log yet: `make up` starts the services")
    if service and service not in logs:
        raise CannotStart(f"there is no log of {service[:40]!r}: expected one of {', '.join(logs) or 'none yet'}")
    tails = [Tail(path) for name, path in logs.items() if not service or name == service]
    width = max((len(tail.name) for tail in tails), default=0)
    while True:
        for tail in tails:
            for line in tail.read_new_lines():
                print(f"{tail.name:<{width}} │ {line}" if len(tails) > 1 else line, flush=True)  # noqa: T201
        time.sleep(0.3)


class Tail:
    """Reads the new lines of one log, also after it was rotated."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._path = path
        self._position = max(0, path.stat().st_size - LAST)
        self._skip_partial = self._position > 0
        self._rest = ""

    def read_new_lines(self) -> list[str]:
        """Returns the whole lines that were added since the last call."""
        if not self._path.exists():
            return []
        if self._path.stat().st_size < self._position:
            self._position = 0
        with self._path.open(errors="replace") as file:
            file.seek(self._position)
            text = self._rest + file.read()
            self._position = file.tell()
        *lines, self._rest = text.split("\n")
        if self._skip_partial and lines:
            self._skip_partial = False
            return lines[1:]
        return lines
