"""Which tries of a task count: real failures do, those that lost infrastructure used up do not.

Airflow's `retries` is a ceiling that nothing can extend. So it is set higher than the definition says, and the task is
ended once its real failures exceed what the definition allows. They are counted in Airflow's database, beside the task:
a try whose end nobody recorded was lost with its worker.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowException

MORE = 6
"""Tries beyond those of the definition, for lost infrastructure."""
WITHIN = timedelta(hours=1)
"""How long after a task's first recorded failure these may begin: what is lost for longer needs a person."""
STORED = "nightshift_failures"
"""Where the failures of a task stand in Airflow's store of task states."""
REAL, LOST = "real", "lost"

log = logging.getLogger(__name__)


def lost(error: AirflowException) -> AirflowException:
    """Marks an error as lost infrastructure."""
    error.is_lost = True  # type: ignore[attr-defined]  # Airflow's own kind stays: other parts know it by that
    return error


def is_lost(error: BaseException) -> bool:
    """Whether an error was marked as lost infrastructure."""
    return bool(getattr(error, "is_lost", False))


@dataclass(frozen=True)
class Series:
    """The tries of a task since it was last cleared, and how those that failed ended.

    `first` and `now` are numbers of tries; `failures` has for the number of a try its kind and the instant of its end.
    `allowed`: how many real failures are tried again.
    """

    first: int
    now: int
    allowed: int
    failures: Mapping[int, tuple[str, datetime]]

    @property
    def real(self) -> int:
        """How many tries really failed."""
        return sum(kind == REAL for kind, _ in self._of_series().values())

    @property
    def lost(self) -> int:
        """How many tries lost infrastructure used up, those without a recorded end among them."""
        return self.now - self.first + 1 - self.real

    @property
    def sentence(self) -> str:
        """Both numbers, for people."""
        failed = f"real failure {self.real} of {self.allowed + 1}" if self.real else "no real failure"
        times = {0: "", 1: "; infrastructure lost once"}.get(self.lost, f"; infrastructure lost {self.lost} times")
        return failed + times

    def is_over(self, at: datetime) -> bool:
        """Whether nothing is tried again: too many real failures, or the time for lost infrastructure is over."""
        is_beyond = self.now - self.first >= self.allowed
        began = min((ended for _, ended in self._of_series().values()), default=at)
        return self.real > self.allowed or (is_beyond and at - began > WITHIN)

    def _of_series(self) -> dict[int, tuple[str, datetime]]:
        return {number: failure for number, failure in self.failures.items() if self.first <= number <= self.now}


class RealFailures(RetryPolicy):
    """Tries a task again until its real failures exceed `allowed`; a lost try is repeated after `delay`."""

    def __init__(self, allowed: int, delay: timedelta) -> None:
        self.allowed = allowed
        self.delay = delay

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any | None = None
    ) -> RetryDecision:
        """Records the failure and decides. Never raises: without the record the ceiling of Airflow still holds."""
        now = datetime.now(UTC)
        kind = LOST if is_lost(exception) else REAL
        failures = {**_stored(context), try_number: (kind, now)}
        _store(context, failures)
        first = max(1, max_tries - self.allowed - MORE + 1)
        series = Series(first, try_number, self.allowed, failures)
        if series.is_over(now) or try_number > max_tries:
            return RetryDecision.fail(f"{series.sentence}: it is not tried again")
        return RetryDecision.retry(self.delay if kind == LOST else None, series.sentence)


def options(allowed: int, delay: timedelta) -> dict[str, Any]:
    """The arguments of an operator whose real failures are tried again `allowed` times."""
    return {"retries": allowed + MORE, "retry_delay": delay, "retry_policy": RealFailures(allowed, delay)}


def _stored(context: Any | None) -> dict[int, tuple[str, datetime]]:
    try:
        found = context["task_state_store"].get(STORED) if context else None
        return {int(number): (kind, datetime.fromisoformat(at)) for number, (kind, at) in (found or {}).items()}
    except Exception as error:  # whatever it is, the task's own failure is what has to be said
        log.warning("The earlier failures of this task cannot be read: %s", type(error).__name__)
        return {}


def _store(context: Any | None, failures: Mapping[int, tuple[str, datetime]]) -> None:
    try:
        if context:
            ended = {str(number): [kind, at.isoformat()] for number, (kind, at) in failures.items()}
            context["task_state_store"].set(STORED, ended)
    except Exception as error:
        log.warning("The failure of this try cannot be recorded: %s", type(error).__name__)
