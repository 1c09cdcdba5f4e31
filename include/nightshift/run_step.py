"""One step performed: run, its end turned into an exit code, its result stored."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from nightshift.adapters.s3 import step_results
from nightshift.code_in_use import describe_code
from nightshift.context import Context
from nightshift.errors import BUG, DONE, BadConfig, NightshiftError
from nightshift.instants import format_instant
from nightshift.results import NotPromoted, Outcome, Result, ValidationFailed
from nightshift.safe_messages import describe, place, show_values
from nightshift.user_code import describe_memory_error, name_kind

log = logging.getLogger("nightshift")
Run = Callable[[Context], Outcome[Any]]


def perform(verb: str, context: Context, run: Run | None = None) -> tuple[Result[Any], int]:
    """Runs `verb` and stores its result; returns that and the exit code. `run`: what is run in place of the verb's."""
    started, clock = datetime.now(UTC), time.monotonic()
    running = describe_code(verb, context)
    outcome, code, ended = _run_verb(verb, context, run)
    result = Result(
        model=context.model.name,
        night=context.night,
        verb=verb,
        outcome=ended,
        summary=outcome.summary,
        started=format_instant(started),
        seconds=round(time.monotonic() - clock, 2),
        caused_by=context.by.caused_by,
        **running,
        detail=outcome.detail,
    )
    return result, _save(context, result, code)


def _run_verb(verb: str, context: Context, run: Run | None) -> tuple[Outcome[Any], int, str]:
    try:
        chosen: Run = run or import_module(f"nightshift.steps.{verb}").run
        return chosen(context), DONE, "done"
    except NightshiftError as error:
        if error.__cause__ is not None:
            log.info("the cause was %s", describe(error.__cause__))
        show_values(error)
        detail = error.detail if isinstance(error, ValidationFailed | NotPromoted) else None
        return Outcome(summary=str(error), detail=detail), error.exit_code, error.outcome
    except MemoryError as error:
        summary = describe_memory_error(f"{verb}, at {place(error)}")
        return Outcome(summary=summary, detail=None), BadConfig.exit_code, BadConfig.outcome
    except Exception as error:  # the last frame: whatever it is, it must end as a result and an exit code
        log.error("this is a bug in step %s: %s", verb, describe(error))
        show_values(error)
        return Outcome(summary=f"bug: {name_kind(error)} at {place(error)}", detail=None), BUG, "failed"


def _save(context: Context, result: Result[Any], code: int) -> int:
    try:
        log.info("result: %s", step_results.save(context.store, result))
    except NightshiftError as error:
        log.error("the result could not be stored: %s", error)
        # Later steps read the result: without it a decision has not been made, and the step must run again.
        return code if code in (BUG, BadConfig.exit_code, error.exit_code) else error.exit_code
    return code
