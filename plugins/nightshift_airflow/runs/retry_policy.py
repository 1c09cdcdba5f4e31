"""Decides which failed tries of a task count: real failures do, tries that lost infrastructure used up do not.

Airflow's `retries` is a ceiling that nothing can raise. So it is set higher than the definition says, and the task ends
once its real failures exceed what the definition allows. They are counted in Airflow's database, in the task's own
store. A try whose end nobody recorded was lost with its worker.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowException

EXTRA_TRIES = 6
"""Tries beyond those of the definition, for lost infrastructure."""
EXTRA_TRIES_WITHIN = timedelta(hours=1)
"""How long after a task's first recorded failure these may begin: after that a person must act."""
STORE_KEY = "nightshift_failures"
"""The key of a task's failures in Airflow's store of task states."""
REAL, LOST = "real", "lost"

log = logging.getLogger(__name__)


def mark_lost(error: AirflowException) -> AirflowException:
    """Marks an error as lost infrastructure, and returns it."""
    error.is_lost = True  # type: ignore[attr-defined]  # Airflow's own class stays: Airflow acts by it
    return error


def is_lost(error: BaseException) -> bool:
    """Returns whether an error was marked as lost infrastructure."""
    return bool(getattr(error, "is_lost", False))


@dataclass(frozen=True)
class TrySeries:
    """The tries of a task since it was last cleared, and how those that failed ended.

    `first` and `now` are numbers of tries. `failures` has for the number of a try its kind and the instant of its end.
    `allowed`: after how many real failures the task is tried again.
    """

    first: int
    now: int
    allowed: int
    failures: Mapping[int, tuple[str, datetime]]

    @property
    def real(self) -> int:
        """How many tries really failed."""
        return sum(kind == REAL for kind, _ in self._select_failures().values())

    @property
    def lost(self) -> int:
        """How many tries lost infrastructure used up; tries without a recorded end are among them."""
        return self.now - self.first + 1 - self.real

    @property
    def sentence(self) -> str:
        """Both numbers, for people."""
        failed = f"real failure {self.real} of {self.allowed + 1}" if self.real else "no real failure"
        times = {0: "", 1: "; infrastructure lost once"}.get(self.lost, f"; infrastructure lost {self.lost} times")
        return failed + times

    def is_over(self, at: datetime) -> bool:
        """Returns whether nothing is tried again: too many real failures, or infrastructure was lost for too long."""
        has_extra_tries = self.now - self.first >= self.allowed
        first_failure = min((ended for _, ended in self._select_failures().values()), default=at)
        return self.real > self.allowed or (has_extra_tries and at - first_failure > EXTRA_TRIES_WITHIN)

    def _select_failures(self) -> dict[int, tuple[str, datetime]]:
        return {number: failure for number, failure in self.failures.items() if self.first <= number <= self.now}


class RealFailures(RetryPolicy):
    """Tries a task again until its real failures exceed `allowed`; a lost try is repeated after `delay`."""

    def __init__(self, allowed: int, delay: timedelta) -> None:
        self.allowed = allowed
        self.delay = delay

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any | None = None
    ) -> RetryDecision:
        """Records the failure and decides. Never raises: without the record Airflow's ceiling still holds."""
        now = datetime.now(UTC)
        kind = LOST if is_lost(exception) else REAL
        failures = {**_read_failures(context), try_number: (kind, now)}
        _write_failures(context, failures)
        first = max(1, max_tries - self.allowed - EXTRA_TRIES + 1)
        series = TrySeries(first, try_number, self.allowed, failures)
        if series.is_over(now) or try_number > max_tries:
            return RetryDecision.fail(f"{series.sentence}: it is not tried again")
        return RetryDecision.retry(self.delay if kind == LOST else None, series.sentence)


def make_retry_arguments(allowed: int, delay: timedelta) -> dict[str, Any]:
    """Returns the arguments of an operator that is tried again after `allowed` real failures."""
    return {"retries": allowed + EXTRA_TRIES, "retry_delay": delay, "retry_policy": RealFailures(allowed, delay)}


def _read_failures(context: Any | None) -> dict[int, tuple[str, datetime]]:
    try:
        stored = context["task_state_store"].get(STORE_KEY) if context else None
        return {int(number): (kind, datetime.fromisoformat(at)) for number, (kind, at) in (stored or {}).items()}
    except Exception as error:  # whatever it is, the task must end with its own failure
        log.warning("The earlier failures of this task cannot be read: %s", type(error).__name__)
        return {}


def _write_failures(context: Any | None, failures: Mapping[int, tuple[str, datetime]]) -> None:
    try:
        if context:
            endings = {str(number): [kind, at.isoformat()] for number, (kind, at) in failures.items()}
            context["task_state_store"].set(STORE_KEY, endings)
    except Exception as error:
        log.warning("The failure of this try cannot be recorded: %s", type(error).__name__)
