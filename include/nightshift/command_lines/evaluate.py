"""The arguments and the help of `nightshift evaluate`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model, add_night, add_show_values

DETAILS = """\
Both versions predict the same rows, which neither was trained on. The challenger must win by the margin that the
model's definition asks for.
"""
EXAMPLES = """\
nightshift evaluate flights 2013-02-09
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    add_night(parser)
    add_show_values(parser)
