"""The arguments and the help of `nightshift check`."""

import argparse

from nightshift.command_lines.shared_arguments import add_show_values

DETAILS = """\
Loads each model's definition, suites and functions; makes its estimator, fits it on made-up rows, lets it predict,
stores it with skops and loads it again with TRUSTED alone. It reads nothing from the lake and writes nothing.

Ends with 0 if all models are fine, and with 20 if one is not; the log says what to change where.
"""
EXAMPLES = """\
nightshift check    # every model
nightshift check flights
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument("models", metavar="MODEL", nargs="*", help="folders of include/models; default: all")
    add_show_values(parser)
