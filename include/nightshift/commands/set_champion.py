"""`nightshift set-champion MODEL VERSION|previous|none --reason TEXT`: a person says which version is champion."""

import argparse
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from nightshift import catalog
from nightshift.adapters.s3.ledger import Ledger
from nightshift.argument_parser import Parser
from nightshift.context import read_model_context, read_run
from nightshift.errors import DONE, NightshiftError
from nightshift.instants import parse_instant
from nightshift.promotion.append_decision import Decided
from nightshift.promotion.cause import cause_of
from nightshift.promotion.set_champion import Request, parse_target, set_champion
from nightshift.reasons import parse_reason
from nightshift.safe_messages import set_up_logs

log = logging.getLogger("nightshift.set_champion")

DESCRIPTION = """\
Make a version champion, recorded in the ledger with your reason. The present champion is withdrawn: no later run
promotes it again by itself, and challengers compete with the version that is champion now. The alias champion in MLflow
follows. Asked again for the same reason, it finds that it is done. A version that became champion after you asked is
not replaced.

A version that was champion before can be named, also a withdrawn one: that brings it back. Any other passed no gate: it
needs --unverified, which the ledger records, and the present champion is then replaced and not withdrawn.
"""
EPILOG = """\
examples:
  nightshift set-champion flights previous --reason "predicts twice the delays since Monday"
  nightshift set-champion flights 12 --reason "brought back: the data was wrong, not the model"
  nightshift set-champion flights 7 --unverified --reason "trained by hand before the move"
  nightshift set-champion flights none --reason "it cannot be loaded: the next challenger meets the floor alone"
  nightshift rescore flights 2013-02-01..2013-02-09    what the withdrawn version predicted is predicted again
"""


def parser() -> argparse.ArgumentParser:
    """The command line of `nightshift set-champion`."""
    top = Parser(
        prog="nightshift set-champion",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("model", metavar="MODEL", help=f"one of: {', '.join(catalog.list_names())}")
    top.add_argument("version", metavar="VERSION", help="a version's number; previous: the champion before; none")
    top.add_argument("--reason", metavar="TEXT", required=True, help="why, in one line; kept in the ledger")
    top.add_argument("--unverified", action="store_true", help="also a version that never was champion")
    now = datetime.now(UTC).isoformat()
    top.add_argument("--asked-at", metavar="INSTANT", default=now, help="when it was asked for, ISO 8601; default: now")
    return top


def main(argv: Sequence[str]) -> int:
    """Runs the command and returns its exit code; the last line logged says what happened."""
    set_up_logs("%(asctime)s %(message)s")
    arguments = parser().parse_args(argv)
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
    cause = cause_of(read_run(context.name))
    request = Request(target, reason, cause, unverified=arguments.unverified, asked_at=asked_at)
    return describe(set_champion(context, request), context.ledger)


def describe(decided: Decided, ledger: Ledger) -> str:
    """What was done, in a sentence."""
    entry, where = decided.entry, ledger.uri(decided.entry.number)
    who = f"no version of {entry.model}" if entry.version is None else f"version {entry.version} of {entry.model}"
    if decided.reused:
        return f"this was done before: {who} was made champion by {where}"
    withdrawn = "" if entry.withdraws is None else f" and version {entry.withdraws} is withdrawn"
    unverified = ", unverified" if entry.unverified else ""
    return f"{who} is champion{unverified}{withdrawn}: {entry.reason}; {where}"
