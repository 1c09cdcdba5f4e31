"""The arguments and the help of `nightshift history`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model

DETAILS = """\
Prints every decision, the newest first: the version, the champion after and before it, who decided or what caused it,
and why. Then the check: the chain of digests is whole, and the alias champion and the registry agree with the ledger.
Ends with 0 if all agree, and with 10 if something does not.
"""
EXAMPLES = """\
nightshift history flights
nightshift history flights --last 5
nightshift history flights --check    # only whether all agree
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="the entries and the findings as one JSON document")
    parser.add_argument("--check", action="store_true", help="only the check")
    parser.add_argument("--last", metavar="N", type=int, help="only the newest N entries; the check is of all")
