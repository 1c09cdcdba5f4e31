"""Where we are in a container's log, so that after a cut it goes on with the next line: none lost, none twice.

Kubernetes can repeat a log from a second on, not from a line on. Every line carries the instant at which it was
written, so the lines that were read already are known.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

SKEW = 60
"""Seconds that the clocks of a node and of Airflow may differ: that much of the log is read again and left out."""

Instant = tuple[datetime, str]
"""When a line was written: to the microsecond, and the digits of its nanoseconds."""


@dataclass
class Position:
    """The last line that was read: its instant, and how many lines of that instant were read.

    `is_whole`: the last stream came to an end by itself.
    """

    last: Instant | None = None
    count: int = 0
    is_whole: bool = True

    def since_seconds(self, now: datetime) -> int | None:
        """How many seconds of the log must be read again at `now`; None for all of it.

        All of it, too, when the last line comes from the future: the node's clock is ahead, nobody knows how far.
        """
        if self.last is None or now < self.last[0]:
            return None
        return ceil((now - self.last[0]).total_seconds()) + SKEW

    def unread(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines of a stream that no earlier stream gave. A line without an instant belongs to the one before."""
        self.is_whole = False
        until, repeated = self.last, self.count
        is_new = until is None
        for line in lines:
            instant = instant_of(line)
            if instant is not None:
                is_again = instant == until and repeated > 0
                repeated -= is_again
                is_new = until is None or (instant >= until and not is_again)
            if is_new:
                self._passed(instant)
                yield line
        self.is_whole = True

    def _passed(self, instant: Instant | None) -> None:
        if instant is None or (self.last is not None and instant < self.last):
            return
        self.count = self.count + 1 if instant == self.last else 1
        self.last = instant


def instant_of(line: bytes) -> Instant | None:
    """The instant at the beginning of a log line, None when there is none."""
    text = line.split(b" ", 1)[0].strip().decode("ascii", errors="replace")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    fraction = text[20:].split("Z")[0].split("+")[0].split("-")[0] if text[19:20] == "." else ""
    return moment.astimezone(UTC), fraction.ljust(9, "0")
