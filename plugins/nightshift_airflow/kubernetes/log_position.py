"""The position in a container's log: after a cut, reading goes on with the next line, and no line is lost or repeated.

Kubernetes can repeat a log from a second on, but not from a line on. Every line begins with the instant at which it was
written, so the lines that were read already are known.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

CLOCK_SKEW = 60
"""Seconds by which the clocks of a node and of Airflow may differ: so much of the log is read again and left out."""

Instant = tuple[datetime, str]
"""When a line was written: to the microsecond, and the digits of its nanoseconds."""


@dataclass
class LogPosition:
    """The last line that was read: its instant, and how many lines of that instant were read.

    `is_whole`: the last stream came to an end by itself.
    """

    last: Instant | None = None
    count: int = 0
    is_whole: bool = True

    def compute_since_seconds(self, now: datetime) -> int | None:
        """Returns how many seconds of the log must be read again at `now`; None for the whole log.

        The whole log also if the last line comes from the future: the node's clock is ahead by an unknown time.
        """
        if self.last is None or now < self.last[0]:
            return None
        return ceil((now - self.last[0]).total_seconds()) + CLOCK_SKEW

    def select_unread(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yields the lines of a stream that no earlier stream had.

        A line without an instant belongs to the line before it.
        """
        self.is_whole = False
        last, repeats_left = self.last, self.count
        is_new = last is None
        for line in lines:
            instant = parse_instant(line)
            if instant is not None:
                is_repeated = instant == last and repeats_left > 0
                repeats_left -= is_repeated
                is_new = last is None or (instant >= last and not is_repeated)
            if is_new:
                self._note(instant)
                yield line
        self.is_whole = True

    def _note(self, instant: Instant | None) -> None:
        if instant is None or (self.last is not None and instant < self.last):
            return
        self.count = self.count + 1 if instant == self.last else 1
        self.last = instant


def parse_instant(line: bytes) -> Instant | None:
    """Returns the instant at the beginning of a log line, None if there is none."""
    text = line.split(b" ", 1)[0].strip().decode("ascii", errors="replace")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    fraction = text[20:].split("Z")[0].split("+")[0].split("-")[0] if text[19:20] == "." else ""
    return moment.astimezone(UTC), fraction.ljust(9, "0")
