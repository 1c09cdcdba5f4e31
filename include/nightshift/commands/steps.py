"""`nightshift VERB MODEL NIGHT`: one step of one model's night."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from nightshift import catalog, validate_many
from nightshift.adapters.s3.ledger_entries import Decision
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.argument_parser import Parser, start_parser
from nightshift.code_in_use import name_running_code
from nightshift.commands.approval_options import add_approval_options, read_decision
from nightshift.context import Step
from nightshift.definition import parse_night, parse_nights
from nightshift.errors import DONE, NightshiftError, NothingToDo
from nightshift.run_step import perform
from nightshift.safe_messages import allow_values, set_up_logs
from nightshift.settings import RunSettings, StorageSettings, read

log = logging.getLogger("nightshift")
FORM = "%(asctime)s %(message)s"
DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "validate": (
            "Each dataset's page is published before the step fails. FROM..TO validates the nights that are in the\n"
            "lake already, all in one process; a rejected night does not stop the others."
        ),
        "train": "Nights of the window that are not validated are left out, and the log names them.",
        "evaluate": (
            "Both versions predict the same rows, which neither was trained on. The challenger must win by the margin\n"
            "that the model's definition asks for."
        ),
        "promote": (
            "Ends with 99 if the gate refused or a newer champion exists. If the model needs approval, the options\n"
            "hand over the response of a person; the log of promote without them has the digest for --about."
        ),
        "score": "Readers see all of the new predictions, or those from before.",
    }
)
EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "validate": (
            "nightshift validate flights 2013-02-09\n"
            "nightshift validate flights 2013-01-01..2013-02-28    # nights that are in the lake already"
        ),
        "train": "nightshift train flights 2013-02-09",
        "evaluate": "nightshift evaluate flights 2013-02-09",
        "promote": (
            "nightshift promote flights 2013-02-09\n"
            "nightshift promote daily_highs 2013-02-10 --decision approved --decided-by Ada --about DIGEST"
        ),
        "score": "nightshift score flights 2013-02-09    # predicts the rows of 2013-02-10",
    }
)


def make_step_parser(verb: str) -> Parser:
    """Returns the command line of one step."""
    parser = start_parser(verb, DETAILS[verb], EXAMPLES[verb])
    parser.add_argument("model", metavar="MODEL", help=f"one of: {', '.join(catalog.list_names())}")
    if verb == "validate":
        parser.add_argument("night", metavar="NIGHT", help="the day whose data is processed, YYYY-MM-DD, or FROM..TO")
    else:
        parser.add_argument("night", metavar="NIGHT", help="the day whose data is processed, YYYY-MM-DD")
    if verb == "promote":
        add_approval_options(parser)
    parser.add_argument("--show-values", action="store_true", help="print exceptions in full; in a terminal only")
    return parser


def main(argv: Sequence[str]) -> int:
    """Runs the step that `argv` begins with; returns its exit code. The last line logged says what happened."""
    verb, *rest = argv
    set_up_logs(FORM)
    arguments = make_step_parser(verb).parse_args(rest)
    try:
        if arguments.show_values:
            allow_values()
            set_up_logs(FORM)
        if verb == "validate" and ".." in arguments.night:
            first, last = parse_nights(arguments.night)
            return validate_many.run(_step(arguments.model, first), last, perform)
        step = replace(_step(arguments.model, parse_night(arguments.night)), decision=_read_decision(verb, arguments))
    except NightshiftError as error:
        log.error("%s", error)
        return error.exit_code
    return run(verb, step)


def _read_decision(verb: str, arguments: argparse.Namespace) -> Decision | None:
    return read_decision(arguments) if verb == "promote" else None


def _step(model: str, night: date) -> Step:
    by = name_running_code(read(RunSettings), model)
    return Step(catalog.load_model(model), night, ObjectStore(read(StorageSettings)), by)


def run(verb: str, step: Step) -> int:
    """Runs `verb`, stores its result, logs the line for people; returns the exit code."""
    result, code = perform(verb, step)
    ended_well = code in (DONE, NothingToDo.exit_code)
    log.log(logging.INFO if ended_well else logging.ERROR, "%s: %s", result.outcome, result.summary)
    return code
