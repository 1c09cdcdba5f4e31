"""`nightshift VERB MODEL NIGHT`: one step of one model's night."""

import argparse
import logging
from dataclasses import replace

from nightshift import validate_many
from nightshift.commands.approval_options import read_decision
from nightshift.context import Context, read_context
from nightshift.definition import parse_night, parse_nights
from nightshift.errors import DONE, NightshiftError, NothingToDo
from nightshift.run_step import perform
from nightshift.safe_messages import allow_values, set_up_logs

log = logging.getLogger("nightshift")
FORM = "%(asctime)s %(message)s"


def run(arguments: argparse.Namespace) -> int:
    """Runs the step `arguments.command`; returns its exit code. The last line logged says what happened."""
    verb = arguments.command
    set_up_logs(FORM)
    try:
        if arguments.show_values:
            allow_values()
            set_up_logs(FORM)
        if verb == "validate" and ".." in arguments.night:
            first, last = parse_nights(arguments.night)
            return validate_many.run(read_context(arguments.model, first), last, perform)
        decision = read_decision(arguments) if verb == "promote" else None
        context = replace(read_context(arguments.model, parse_night(arguments.night)), decision=decision)
    except NightshiftError as error:
        log.error("%s", error)
        return error.exit_code
    return run_step(verb, context)


def run_step(verb: str, context: Context) -> int:
    """Runs `verb`, stores its result, logs the line for people; returns the exit code."""
    result, code = perform(verb, context)
    ended_well = code in (DONE, NothingToDo.exit_code)
    log.log(logging.INFO if ended_well else logging.ERROR, "%s: %s", result.outcome, result.summary)
    return code
