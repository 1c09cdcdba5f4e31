"""What the log of a task says when its process was killed: what is known, and not a guess.

Airflow 3.3 writes "Likely out of memory error (OOM)" for every SIGKILL, whoever sent it, and nothing after it: somebody
would raise a limit that nothing has reached. Private API: `ActivitySubprocess._check_subprocess_exit` and its
`process_log`; tests/plugins/test_killed.py fails when either is another one.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from airflow.sdk.execution_time.supervisor import ActivitySubprocess

GUESS = "Likely out of memory"
SENTENCE = (
    "The task's own process was killed (SIGKILL) from outside, and nothing says by what. Its pod may still be at work:"
    " the next try finds it. Lost infrastructure does not use up the tries that are there for real failures."
)


class Known:
    """A log that replaces Airflow's guess, and passes on everything else."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def log(self, level: int, message: str, **fields: Any) -> None:
        """Writes a message, or what is known instead of a guess."""
        self._log.log(level, SENTENCE if GUESS in message else message, **fields)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def _without_guess(check: Callable[..., int | None]) -> Callable[..., int | None]:
    @wraps(check)
    def checked(watched: Any, *args: Any, **options: Any) -> int | None:
        log = watched.process_log
        watched.process_log = Known(log)
        try:
            return check(watched, *args, **options)
        finally:
            watched.process_log = log

    return checked


# Of tasks only: what reads DAG files, or runs triggers, is watched by other classes.
ActivitySubprocess._check_subprocess_exit = _without_guess(ActivitySubprocess._check_subprocess_exit)  # type: ignore[method-assign]  # noqa: SLF001
