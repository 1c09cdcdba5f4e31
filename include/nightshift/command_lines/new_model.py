"""The arguments and the help of `nightshift new-model`."""

import argparse
from pathlib import Path
from typing import get_args

from nightshift import catalog
from nightshift.definition import Task

DETAILS = """\
Writes include/models/NAME, great_expectations/suites/NAME.json and tests/models/NAME: a model that runs as it is, on a
record that its source.py invents. Comments say what to write where. No existing file is changed.
"""
EXAMPLES = """\
nightshift new-model parcel_delays
nightshift new-model parcel_counts --task regression
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument("name", metavar="NAME", help="small letters, digits and underscores, for example parcel_delays")
    parser.add_argument("--task", choices=get_args(Task), default="classification", help="default: classification")
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        default=catalog.OWN_FOLDER.parents[1],
        help="a checkout; default: %(default)s",
    )
