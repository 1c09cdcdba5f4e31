"""The arguments and the help of `nightshift rescore`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model

DETAILS = """\
Finds the nights of the range whose published predictions were made by a version that was withdrawn since. The version
that scores each of them now publishes its predictions as a whole; the manifest keeps on record what was published
before. Other nights are left as they are.
"""
EXAMPLES = """\
nightshift rescore flights 2013-02-01..2013-02-09
nightshift rescore flights 2013-02-01..2013-02-09 --all    # also if another version is champion now
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument("nights", metavar="FROM..TO", help="first and last night of the runs")
    parser.add_argument(
        "--all", action="store_true", help="also nights that any other version scored than the one that scores them now"
    )
