"""`nightshift VERB MODEL NIGHT`: one step of one model's night, the same in a pod, on a laptop and in a test."""

import argparse
import logging
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

from nightshift import catalog, validate_many
from nightshift.argument_parser import Parser
from nightshift.context import Context, read_context
from nightshift.definition import VERBS, parse_night, parse_nights
from nightshift.errors import DONE, BadConfig, NightshiftError
from nightshift.instants import format_instant, format_now, parse_instant
from nightshift.reasons import parse_optional_reason
from nightshift.result_parts import Decision
from nightshift.run_step import perform
from nightshift.safe_messages import allow_values, hide_texts_of_crashes, set_up_logs

log = logging.getLogger("nightshift")
ENDED = 128 + signal.SIGTERM
COMMANDS = {
    "seed": "nightshift.seeding.command",
    "history": "nightshift.commands.history",
    "set-champion": "nightshift.commands.set_champion",
    "sync-alias": "nightshift.commands.sync_alias",
    "rescore": "nightshift.commands.rescore",
    "predictions": "nightshift.commands.predictions",
    "repair": "nightshift.commands.repair",
    "recheck": "nightshift.commands.recheck",
    "explain": "nightshift.commands.explain",
    "new-model": "nightshift.commands.new_model",
    "check": "nightshift.commands.check",
}
"""Words that are no step of a night, and the module whose `main(argv) -> int` each runs."""
FORM = "%(asctime)s %(message)s"
OUTCOMES = ("approved", "rejected", "unanswered")
DIGEST = re.compile(r"\A[0-9a-f]{64}\Z")
PERSON = re.compile(r"\A[\w.@+'][\w .@+'-]{0,99}\Z")

DOES = {
    "validate": "check the night's partitions against their suites and publish the Data Docs pages",
    "train": "fit a challenger on the window of validated nights and register it",
    "evaluate": "compare the challenger with the champion on the holdout and store the verdict",
    "promote": "make exactly the version that won champion, in the ledger and by the alias",
    "score": "score the next day's schedule with the champion and publish the predictions",
}
EPILOG = """\
steps:
{steps}

exit codes:
  0   done
  10  the data failed validation, is missing or unreadable: fix the data
  20  the definition, the settings or the arguments are wrong: fix them
  75  S3, MLflow or the network failed: try again later
  99  nothing to do: the gate refused, or a newer champion stands
  1   a bug

other words, each with --help of its own:
  nightshift history MODEL               who was champion when and why; do alias, ledger and registry agree
  nightshift set-champion MODEL VERSION  make a version champion, or "previous"; --reason is required
  nightshift sync-alias [MODEL ...]      bring the alias champion to where the ledger ends
  nightshift rescore MODEL FROM..TO      score nights again whose champion was withdrawn
  nightshift predictions MODEL NIGHT     what is published of a night's predictions; --uris: where its files are
  nightshift repair MODEL                say what would make alias, ledger and registry agree again; --apply does it
  nightshift recheck MODEL               compute verdicts again from their records, and compare
  nightshift explain MODEL VERSION       all that the records say of a version, on one page
  nightshift check [MODEL ...]           try a model's code and estimator without data
  nightshift new-model NAME              start the folder of a new model
  nightshift seed MODEL                  land a model's data in the lake, night by night

environment:
  NIGHTSHIFT_S3_ENDPOINT   URL of the S3 server; unset: AWS
  NIGHTSHIFT_S3_BUCKET     bucket of results, ledger, scores and Data Docs (default: nightshift)
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY   the credentials of S3
  AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE   certificate file of a private authority: for S3, and for both
  MLFLOW_TRACKING_URI      URL of the MLflow server
  NIGHTSHIFT_PATIENCE_SECONDS   how long S3 and MLflow may be away before a step gives up (default: 120)
  NIGHTSHIFT_RUN_CODE_VERSION, NIGHTSHIFT_RUN_CAUSED_BY   recorded with every result

examples:
  nightshift validate flights 2013-02-09
  nightshift validate flights 2013-01-01..2013-02-28    adopts nights that are in the lake already, in one process
"""


def parser() -> argparse.ArgumentParser:
    """The command line of all verbs."""
    steps = "\n".join(f"  {verb:<9} {DOES[verb]}" for verb in VERBS)
    top = Parser(
        prog="nightshift",
        description=__doc__,
        epilog=EPILOG.format(steps=steps),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("verb", choices=VERBS, metavar="VERB", help=f"one of: {', '.join(VERBS)}")
    top.add_argument("model", metavar="MODEL", help=f"a folder of include/models: {', '.join(catalog.list_names())}")
    top.add_argument(
        "night", metavar="NIGHT", help="the day whose data is processed, YYYY-MM-DD; validate takes FROM..TO as well"
    )
    top.add_argument("--decision", metavar="OUTCOME", choices=OUTCOMES, help="promote: what a person said of it")
    top.add_argument("--decided-by", metavar="NAME", default="", help="promote: that person's name")
    top.add_argument("--decided-at", metavar="INSTANT", default="", help="promote: when, ISO 8601; default: now")
    top.add_argument("--decided-because", metavar="TEXT", default="", help="promote: that person's own words, if any")
    top.add_argument("--show-values", action="store_true", help="print exceptions whole; in a terminal, never in a pod")
    top.add_argument("--about", metavar="DIGEST", default="", help="promote: SHA-256 of the verdict shown")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one step, or `seed`, and returns its exit code; the last line logged says what happened."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] and given[0] in COMMANDS:
        return int(import_module(COMMANDS[given[0]]).main(given[1:]))  # each imports only what it needs
    set_up_logs(FORM)
    arguments = parser().parse_args(given)
    try:
        if arguments.show_values:
            allow_values()
            set_up_logs(FORM)
        if arguments.verb == "validate" and ".." in arguments.night:
            first, last = parse_nights(arguments.night)
            return validate_many.run(read_context(arguments.model, first), last, perform)
        context = read_context(arguments.model, parse_night(arguments.night))
        context = replace(context, decision=decision(arguments))
    except NightshiftError as error:
        log.error("%s", error)
        return error.exit_code
    return run(arguments.verb, context)


def decision(given: argparse.Namespace) -> Decision | None:
    """What a person said, from the command line. Raises `BadConfig` for a name, an instant or a digest that is none."""
    if given.decision is None:
        return None
    if given.verb != "promote":
        raise BadConfig(f"--decision is about a promotion, not about {given.verb}")
    if not DIGEST.match(given.about):
        raise BadConfig("--about must be the SHA-256 of the verdict that was shown: 64 hexadecimal digits")
    if not PERSON.match(given.decided_by) and (given.decided_by or given.decision != "unanswered"):
        raise BadConfig("--decided-by must name who decided, in at most 100 characters without control characters")
    reason = parse_optional_reason(given.decided_because, "--decided-because")
    at = format_instant(parse_instant(given.decided_at, "--decided-at")) if given.decided_at else format_now()
    return Decision(outcome=given.decision, by=given.decided_by, about=given.about, at=at, reason=reason)


def run(verb: str, context: Context) -> int:
    """Runs `verb`, stores its result, logs the line for people; returns the exit code."""
    result, code = perform(verb, context)
    log.log(logging.INFO if code in (DONE, 99) else logging.ERROR, "%s: %s", result.outcome, result.summary)
    return code


def entry() -> None:
    """The console script."""
    hide_texts_of_crashes()
    # In a pod the step is process 1, to which a SIGTERM without a handler does nothing until the grace period is over.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(ENDED))
    sys.exit(main())
