"""What an earlier step of the same night left behind."""

import logging

from nightshift.adapters.s3 import step_results
from nightshift.context import Step
from nightshift.errors import BadConfig
from nightshift.result import Result

log = logging.getLogger("nightshift")


def finished(step: Step, verb: str, outcomes: tuple[str, ...] = ("done",)) -> Result:
    """The stored result of an earlier step of this night. Raises `BadConfig` when it did not end well.

    What it did stands, also when a later run of it could not do its work: that is logged.
    """
    found = step_results.load(step.store, step.model.name, step.night, verb)
    if found is None or found.outcome not in outcomes:
        state = "has not run" if found is None else f"ended as {found.outcome}"
        command = f"nightshift {verb} {step.model.name} {step.night}"
        raise BadConfig(f"{verb} of {step.model.name} {step.night} {state}: run `{command}` first")
    if found.failed_since:
        log.info("a later run of %s ended as %s; what the earlier one did stands", verb, found.last_outcome)
    return found
