"""Validates many nights in one process: how a lake that was there before becomes training data.

Each night gets the result and the pages that its own step would have given it. Importing Great Expectations costs
seconds and a night a fraction of one, so that a hundred nights take a minute instead of ten.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

from nightshift.context import Context
from nightshift.core import windows
from nightshift.errors import DONE, DataRejected
from nightshift.results import Result

log = logging.getLogger(__name__)

Perform = Callable[[str, Context], tuple[Result[Any], int]]


def run(first: Context, last: date, perform: Perform) -> int:
    """Validates the model's nights from that of `first` to `last` in order, and logs a line for each.

    A rejected night is no reason to stop; anything else that fails is. Returns the exit code: 10 when a night was
    rejected.
    """
    windows.require_night(first.night, first.model.schedule)
    nights = windows.list_days(first.night, last, first.model.schedule.period)
    rejected = []
    for night in nights:
        with _limit_logs_to_warnings():
            result, code = perform("validate", replace(first, night=night))
        log.info("%s %s: %s", night, result.outcome, result.summary)
        if code == DataRejected.exit_code:
            rejected.append(night)
        elif code != DONE:
            return code
    named = f": {', '.join(map(str, rejected))}" if rejected else ""
    log.info("%d of %d nights passed, %d rejected%s", len(nights) - len(rejected), len(nights), len(rejected), named)
    return DataRejected.exit_code if rejected else DONE


@contextmanager
def _limit_logs_to_warnings() -> Iterator[None]:
    """A line per night is enough: what each check found is in its result and on its page."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(before)
