"""The arguments and the help of `nightshift seed`."""

import argparse

DETAILS = """\
One partition per night. A partition that exists stays, so the command can be repeated at any time. With neither --until
nor --nights it lands every night up to yesterday (UTC).

The record is moved by whole weeks so that its last day is yesterday or up to six days later; after it the record begins
again. The lake keeps how far it was moved, so that a later seed continues the same series.
"""
EXAMPLES = """\
nightshift seed flights
nightshift seed flights --nights 2026-11-01..2026-11-07
nightshift seed flights --corrupt 2026-11-20    # to see a night blocked by its data
nightshift seed flights --repair 2026-11-20    # put the true data back
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument("model", metavar="MODEL", help="a model whose data can be replayed")
    parser.add_argument("--dates", choices=("shifted", "original"), help="shifted (default) or as they happened")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--until", metavar="NIGHT", help="land every night up to this one")
    what.add_argument("--nights", metavar="FROM..TO", help="land only these nights")
    what.add_argument(
        "--corrupt", metavar="NIGHT", help="corrupt one night's facts, labelled as such, to see it blocked"
    )
    what.add_argument("--repair", metavar="NIGHT", help="put one night's true facts back")
