"""The arguments and the help of `nightshift score`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model, add_night, add_show_values

DETAILS = """\
The predictions of a night replace those from before as a whole: readers see the old or the new ones.
"""
EXAMPLES = """\
nightshift score flights 2013-02-09    # predicts the rows of 2013-02-10
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    add_night(parser)
    add_show_values(parser)
