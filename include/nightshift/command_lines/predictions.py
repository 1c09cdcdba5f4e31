"""The arguments and the help of `nightshift predictions`."""

import argparse

DETAILS = """\
NIGHT is the run's night, as in `nightshift score MODEL NIGHT`: its data was processed, and the rows of the next period
were scored. For a nightly model, `predictions flights 2013-02-09` shows the predictions for 2013-02-10.

Read the files that --uris names and no others, never a glob over the bucket: it also holds the files of replaced
publications, for seven days, and those of runs that were killed. docs/predictions.md shows how.
"""
EXAMPLES = """\
nightshift predictions flights 2013-02-09
nightshift predictions flights 2013-02-09 --uris    # one file a line
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument("model", metavar="MODEL", help="the model's name")
    parser.add_argument("night", metavar="NIGHT", help="the run's night, YYYY-MM-DD")
    parser.add_argument("--uris", action="store_true", help="only the URIs of the Parquet files, one a line")
