"""The arguments and the help of `nightshift recheck`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model

DETAILS = """\
Each verdict is computed with the same two versions, the same rows of the same nights, and the recorded gate and seed.
Every check, number and slice must come out the same. Data is compared by digest first: data that changed since is
reported, not used. An entry that is missing or was edited is reported, and the others are computed.

Ends with 0 if all are the same, and with 10 if one differs or can no longer be computed.
"""
EXAMPLES = """\
nightshift recheck flights    # every verdict
nightshift recheck flights 12    # that of entry 12
nightshift recheck flights --last 5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("number", metavar="NUMBER", nargs="?", type=int, help="only this entry (default: all)")
    which.add_argument("--last", metavar="N", type=int, help="only the newest N entries that hold a verdict")
