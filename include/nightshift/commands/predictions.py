"""`nightshift predictions MODEL NIGHT`: what is published of a night's predictions, and where its files are."""

import logging
import sys
from collections.abc import Sequence

from nightshift import predictions
from nightshift.argument_parser import Parser, start_parser
from nightshift.errors import DONE, NightshiftError
from nightshift.predictions import Predictions

log = logging.getLogger("nightshift.predictions")
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


def make_parser() -> Parser:
    """Returns the command line of `nightshift predictions`."""
    parser = start_parser("predictions", DETAILS, EXAMPLES)
    parser.add_argument("model", metavar="MODEL", help="the model's name")
    parser.add_argument("night", metavar="NIGHT", help="the run's night, YYYY-MM-DD")
    parser.add_argument("--uris", action="store_true", help="only the URIs of the Parquet files, one a line")
    return parser


def main(argv: Sequence[str]) -> int:
    """Runs the command and returns its exit code. The answer goes to standard output, everything else to the log."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    arguments = make_parser().parse_args(argv)
    try:
        found = predictions.find(arguments.model, arguments.night)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code
    lines = found.uris if arguments.uris else _summary(found)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return DONE


def _summary(found: Predictions) -> list[str]:
    columns = dict(found.columns)
    key = ", ".join(columns.pop("key", ()))
    return [
        f"predictions of {found.model} for {found.day}, made by the run of night {found.night}",
        f"rows       {found.rows}",
        f"version    {found.version}",
        f"published  {found.published}",
        f"columns    key: {key}; " + "; ".join(f"{role}: {name}" for role, name in sorted(columns.items())),
        f"manifest   {found.manifest}",
        *(f"file       {uri}" for uri in found.uris),
    ]
