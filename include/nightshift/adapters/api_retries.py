"""How long a process waits for a service that does not answer: by the clock, not by a number of attempts.

One clock per service and process. The first failure starts it, the first answer stops it, and all threads share it:
eight readers that meet one outage wait for it once, and none gives up before the others. What a second call finds is no
new outage, so that a step does not wait anew to store its result.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 4.0
"""Seconds between two attempts of one call: each pause is twice the one before, up to the longest."""
UNWATCHED = 60.0
"""Seconds between two failures after which the second is an outage of its own: nobody asked in between."""


@dataclass
class Clock:
    """The outage of one service, as all threads of this process see it. All times are seconds."""

    retry_seconds: float
    now: Callable[[], float] = time.monotonic
    _since: float | None = None
    _last: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self) -> float:
        """Notes an attempt without an answer; returns the seconds left for retries, at most 0 when they are over."""
        with self._lock:
            now = self.now()
            if self._since is None or now - self._last > max(UNWATCHED, self.retry_seconds):
                self._since = now
            self._last = now
            return self._since + self.retry_seconds - now

    def note_answer(self) -> None:
        """Notes that the service answered."""
        with self._lock:
            self._since = None


class Wait:
    """The attempts of one call. It ends with the clock, and by itself where only this call keeps failing."""

    def __init__(self, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._since: float | None = None
        self._pause = FIRST_PAUSE

    def pause(self) -> bool:
        """Notes a failed attempt and sleeps before the next one. False, at once, when the time for retries is over."""
        left = self._clock.fail()
        now = self._clock.now()
        self._since = now if self._since is None else self._since
        left = min(left, self._since + self._clock.retry_seconds - now)
        if left <= 0:
            return False
        # Spread, so that threads which failed together do not come back together; the last attempt is at the end.
        self._sleep(min(left, self._pause * random.uniform(0.5, 1)))  # noqa: S311 - no secret
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)
        return True

    def note_answer(self) -> None:
        """Notes that the service answered."""
        self._clock.note_answer()


_clocks: dict[tuple[str, float], Clock] = {}
_lock = threading.Lock()


def get_shared_clock(service: str, retry_seconds: float) -> Clock:
    """The one clock of a service (its address) in this process. Who waits less long has a clock of its own."""
    with _lock:
        return _clocks.setdefault((service, retry_seconds), Clock(retry_seconds))
