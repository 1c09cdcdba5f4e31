"""`nightshift set-champion MODEL VERSION|previous|none --reason TEXT`: a person says which version is champion."""

import argparse
import logging

from nightshift import catalog
from nightshift.adapters.s3.ledger import Ledger
from nightshift.context import read_model_context, read_run
from nightshift.errors import DONE, NightshiftError
from nightshift.instants import parse_instant
from nightshift.promotion.append_decision import Decided
from nightshift.promotion.cause import build_cause
from nightshift.promotion.set_champion import Request, parse_target, set_champion
from nightshift.reasons import parse_reason
from nightshift.safe_messages import set_up_logs

log = logging.getLogger("nightshift.set_champion")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code; the last line logged says what happened."""
    set_up_logs("%(asctime)s %(message)s")
    try:
        log.info("done: %s", _run(arguments))
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code
    return DONE


def _run(arguments: argparse.Namespace) -> str:
    target, reason = parse_target(arguments.version), parse_reason(arguments.reason)
    asked_at = parse_instant(arguments.asked_at, "--asked-at")
    context = read_model_context(catalog.load_model(arguments.model).name)
    cause = build_cause(read_run(context.name))
    request = Request(target, reason, cause, unverified=arguments.unverified, asked_at=asked_at)
    return describe(set_champion(context, request), context.ledger)


def describe(decided: Decided, ledger: Ledger) -> str:
    """What was done, in a sentence."""
    entry, where = decided.entry, ledger.build_uri(decided.entry.number)
    who = f"no version of {entry.model}" if entry.version is None else f"version {entry.version} of {entry.model}"
    if decided.reused:
        return f"this was done before: {who} was made champion by {where}"
    withdrawn = "" if entry.withdraws is None else f" and version {entry.withdraws} is withdrawn"
    unverified = ", unverified" if entry.unverified else ""
    return f"{who} is champion{unverified}{withdrawn}: {entry.reason}; {where}"
