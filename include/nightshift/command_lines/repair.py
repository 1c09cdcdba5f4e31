"""The arguments and the help of `nightshift repair`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model

DETAILS = """\
Without --apply nothing is changed. --apply brings alias and model cards to where the ledger ends.

If entries of the ledger are lost, nothing is decided until they are restored, or until a person accepts the loss:
--accept-end N, with a reason, appends an entry behind the last one, which must be N. The champion is then the one of
that entry, and the alias follows.

Ends with 0 if all agree, before or after the repair, and with 10 if something still does not.
"""
EXAMPLES = """\
nightshift repair flights    # show what does not agree
nightshift repair flights --apply
nightshift repair flights --accept-end 41 --reason "restored to Monday's backup"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument("--apply", action="store_true", help="do what can be done from here")
    parser.add_argument("--accept-end", metavar="N", type=int, help="go on from entry N, the last that is there")
    parser.add_argument("--reason", metavar="TEXT", help="why the end is accepted, in one line; kept in the ledger")
