"""The arguments and the help of `nightshift train`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model, add_night, add_show_values

DETAILS = """\
Nights of the window that are not validated are left out, and the log names them.
"""
EXAMPLES = """\
nightshift train flights 2013-02-09
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    add_night(parser)
    add_show_values(parser)
