"""The kinds of error, by what the caller does next, and their exit codes.

A step ends with one of these codes and nothing else; Airflow's step operator maps them to skipped, failed or retried.
The docstring of a kind is its line in `nightshift --help` and in docs/settings.md.
Errors of outside systems are re-raised as one of these, `from` the original.
"""

from typing import ClassVar

DONE = 0
BUG = 1


class NightshiftError(Exception):
    """A failure whose kind says what to do next. The message is one sentence for people."""

    exit_code: ClassVar[int] = BUG
    outcome: ClassVar[str] = "failed"


class DataRejected(NightshiftError):
    """The data failed validation, is missing or unreadable: fix the data. Not retried."""

    exit_code = 10
    outcome = "rejected"


class BadConfig(NightshiftError):
    """The definition, the settings or the arguments are wrong: fix them. Not retried."""

    exit_code = 20
    outcome = "bad_config"


class TryLater(NightshiftError):
    """S3, MLflow or the network failed: the same call may succeed later. Retried with back-off."""

    exit_code = 75
    outcome = "try_later"


class NothingToDo(NightshiftError):
    """A decision left this step without work: the gate refused, or there is a newer champion. Skipped."""

    exit_code = 99
    outcome = "nothing_to_do"


def list_exit_codes() -> list[tuple[int, str]]:
    """Returns each exit code with a line on what it means and whether Airflow retries, sorted by code."""
    kinds = (DataRejected, BadConfig, TryLater, NothingToDo)
    codes = {DONE: "Done", BUG: "A bug: the log names the line. Retried"}
    return sorted({**codes, **{kind.exit_code: str(kind.__doc__).rstrip(".") for kind in kinds}}.items())
