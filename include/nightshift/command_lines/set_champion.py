"""The arguments and the help of `nightshift set-champion`."""

import argparse
from datetime import UTC, datetime

from nightshift.command_lines.shared_arguments import add_model

DETAILS = """\
The ledger records it, and the alias champion in MLflow follows. The current champion is withdrawn: no later run
promotes it again by itself. If you repeat the command for the same reason, it finds that it is done. A version that
became champion after you asked is not replaced.

A version that was champion before can be named, also a withdrawn one: that brings it back. Any other version passed no
gate: it needs --unverified, which the ledger records. The current champion is then replaced, and not withdrawn.
"""
EXAMPLES = """\
nightshift set-champion flights previous --reason "predicts twice the delays since Monday"
nightshift set-champion flights 12 --reason "brought back: the data was wrong, not the model"
nightshift set-champion flights 7 --unverified --reason "trained by hand before the move"
nightshift set-champion flights none --reason "it cannot be loaded"    # the next challenger has to beat the floor only
nightshift rescore flights 2013-02-01..2013-02-09    # predict again what the withdrawn version predicted
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument("version", metavar="VERSION", help="a version's number; previous: the champion before; none")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, in one line; kept in the ledger")
    parser.add_argument("--unverified", action="store_true", help="also a version that never was champion")
    now = datetime.now(UTC).isoformat()
    parser.add_argument("--asked-at", metavar="INSTANT", default=now, help="when you asked, ISO 8601; default: now")
