"""`nightshift sync-alias [MODEL ...]`: brings the alias `champion` of each model to where its ledger ends.

Every step that reads the champion does that as well. Between nights this command does it, every few minutes, for those
outside of the product who load `models:/NAME@champion`.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from nightshift import catalog
from nightshift.adapters.s3.alias_reports import report_problem
from nightshift.argument_parser import Parser
from nightshift.context import ModelContext, read_model_contexts
from nightshift.errors import DONE, BadConfig, NightshiftError
from nightshift.promotion.sync_alias import sync_alias
from nightshift.safe_messages import set_up_logs

log = logging.getLogger("nightshift.sync")
LONGEST = 600
"""Seconds between two syncs at the most: what is promised to those who load `models:/NAME@champion`."""
DESCRIPTION = """\
Bring the alias champion in MLflow to the version that the ledger ends with, for each model or for those named. An alias
that was moved by hand is moved back, with a line that names the command for a person who wanted that. What a person has
to mend is a line of the log, and stands on the Promotions page.

With --every it goes on until it is ended, and touches --answers after each round. Without it, it ends with the exit
code of the last model that failed.
"""


def parser() -> argparse.ArgumentParser:
    """The command line of `nightshift sync-alias`."""
    top = Parser(
        prog="nightshift sync-alias", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("models", metavar="MODEL", nargs="*", help="default: every model")
    top.add_argument("--every", metavar="SECONDS", type=int, help=f"again and again; at most {LONGEST}")
    top.add_argument("--answers", metavar="FILE", type=Path, help="touched after each round: a sign of life")
    return top


def main(argv: Sequence[str]) -> int:
    """Runs the command and returns its exit code."""
    set_up_logs("%(asctime)s %(message)s")
    arguments = parser().parse_args(argv)
    try:
        if arguments.every is not None and not 1 <= arguments.every <= LONGEST:
            raise BadConfig(f"--every {arguments.every} is not between 1 and {LONGEST} seconds")
        contexts = read_model_contexts(arguments.models or catalog.list_names())
        while True:
            code = sync_models(contexts)
            if arguments.answers:
                arguments.answers.touch()
            if arguments.every is None:
                return code
            time.sleep(arguments.every)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code


def sync_models(contexts: Sequence[ModelContext]) -> int:
    """Syncs each model; one that fails does not hold up the others. Returns 0, or the exit code of the last failure."""
    codes = [_sync(context) for context in contexts]
    return next((code for code in reversed(codes) if code), DONE)


def _sync(context: ModelContext) -> int:
    """Syncs one model and reports what a person has to mend; returns the exit code."""
    name, problem, code = context.name, "", DONE
    try:
        try:
            sync_alias(context)
        except BadConfig as error:
            log.error("%s: %s", name, error)
            problem, code = str(error), error.exit_code
        report_problem(context.store, name, problem)
    except NightshiftError as error:
        log.error("%s: %s: %s", name, error.outcome, error)
        return error.exit_code
    return code
