"""What an earlier step of the same night left behind."""

import logging
from typing import TypeVar, cast

from nightshift.adapters.s3 import step_results
from nightshift.context import Context
from nightshift.errors import BadConfig
from nightshift.results import Result, StepDetail

log = logging.getLogger("nightshift")
Detail = TypeVar("Detail", bound=StepDetail)


def finished(context: Context, kind: type[Detail], outcomes: tuple[str, ...] = ("done",)) -> Result[Detail]:
    """The stored result of an earlier step of this night, which has its detail. `kind`: the type of that.

    Raises `BadConfig` when the step did not end well. What it did stands, also when a later run of it could not do its
    work: that is logged.
    """
    verb = kind.verb
    stored = step_results.load(context.store, context.model.name, context.night, kind)
    if stored is None or stored.outcome not in outcomes or stored.detail is None:
        state = "has not run" if stored is None else f"ended as {stored.outcome}"
        command = f"nightshift {verb} {context.model.name} {context.night}"
        raise BadConfig(f"{verb} of {context.model.name} {context.night} {state}: run `{command}` first")
    if stored.failed_since:
        log.info("a later run of %s ended as %s; what the earlier one did stands", verb, stored.last_outcome)
    return cast("Result[Detail]", stored)
