"""`nightshift sync-alias [MODEL ...]`: brings the alias `champion` of each model to where its ledger ends.

Every step that reads the champion does that as well. Between nights this command does it, every few minutes, for those
outside of the product who load `models:/NAME@champion`.
"""

import argparse
import logging
import time
from collections.abc import Sequence

from nightshift import catalog
from nightshift.adapters.s3.alias_reports import report_problem
from nightshift.command_lines.sync_alias import LONGEST
from nightshift.context import ModelContext, read_model_contexts
from nightshift.errors import DONE, BadConfig, NightshiftError
from nightshift.promotion.sync_alias import sync_alias
from nightshift.safe_messages import set_up_logs

log = logging.getLogger("nightshift.sync")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    set_up_logs("%(asctime)s %(message)s")
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
