"""`nightshift rollback MODEL VERSION|previous --reason TEXT`: an earlier champion reigns again."""

import argparse
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import models
from nightshift.adapters.ledger import Ledger
from nightshift.adapters.registry_rest import Registry
from nightshift.adapters.storage import ObjectStore
from nightshift.arguments import Parser
from nightshift.champion.cause import cause_of
from nightshift.champion.rollback import RolledBack, Wish, asked_at_of, reason_of, roll_back, version_of
from nightshift.errors import DONE, NightshiftError
from nightshift.failures import set_up_logs
from nightshift.running_code import name_running_code
from nightshift.settings import RunSettings, StorageSettings, read

log = logging.getLogger("nightshift.rollback")

DESCRIPTION = """\
Make an earlier champion reign again. The standing champion is withdrawn: no later run promotes it again by itself, and
challengers compete with the version that now reigns. Ledger, alias and tags agree when this ends; asked again for the
same reason, it finds that it is done. A version that became champion after it was asked for is not withdrawn.

Only a version that was champion before can be named, also one that was withdrawn: that brings it back.
"""
EPILOG = """\
examples:
  nightshift rollback flights previous --reason "predicts twice the delays since Monday"
  nightshift rollback flights 12 --reason "brought back: the data was wrong, not the model"
  nightshift rescore flights 2013-02-01..2013-02-09    what the withdrawn version predicted is predicted again
"""


def parser() -> argparse.ArgumentParser:
    """The command line of `nightshift rollback`."""
    top = Parser(
        prog="nightshift rollback",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("model", metavar="MODEL", help=f"one of: {', '.join(models.names())}")
    top.add_argument("version", metavar="VERSION", help="the number of a version, or previous: the champion before")
    top.add_argument("--reason", metavar="TEXT", required=True, help="why, in one line; kept in the ledger")
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
    version, reason = version_of(arguments.version), reason_of(arguments.reason)
    asked_at = asked_at_of(arguments.asked_at)
    model, store = models.load(arguments.model).name, ObjectStore(read(StorageSettings))
    wish = Wish(model, version, reason, cause_of(name_running_code(read(RunSettings), model)), asked_at)
    return _said(roll_back(store, Registry(), wish), Ledger(store, model))


def _said(made: RolledBack, ledger: Ledger) -> str:
    entry, where = made.entry, ledger.uri(made.entry.number)
    if made.again:
        return f"this was done before: version {entry.version} of {entry.model} was made champion by {where}"
    withdrawn = "" if entry.withdrawn is None else f" and version {entry.withdrawn} is withdrawn"
    return f"version {entry.version} of {entry.model} is champion again{withdrawn}: {entry.reason}; {where}"
