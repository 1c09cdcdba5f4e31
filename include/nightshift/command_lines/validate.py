"""The arguments and the help of `nightshift validate`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model, add_show_values

DETAILS = """\
Each dataset's page is published before the step fails. FROM..TO validates nights that are in the lake already, all in
one process; a rejected night does not stop the others.
"""
EXAMPLES = """\
nightshift validate flights 2013-02-09
nightshift validate flights 2013-01-01..2013-02-28
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument("night", metavar="NIGHT", help="the day whose data is processed, YYYY-MM-DD, or FROM..TO")
    add_show_values(parser)
