"""`nightshift predictions MODEL NIGHT`: what is published of a night's predictions, and where its files are."""

import argparse
import logging
import sys

from nightshift import predictions
from nightshift.errors import DONE, NightshiftError
from nightshift.predictions import Predictions

log = logging.getLogger("nightshift.predictions")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code. The answer goes to standard output, everything else to the log."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    try:
        found = predictions.find(arguments.model, arguments.night)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code
    lines = found.uris if arguments.uris else _format_summary(found)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return DONE


def _format_summary(published: Predictions) -> list[str]:
    columns = dict(published.columns)
    key = ", ".join(columns.pop("key", ()))
    return [
        f"predictions of {published.model} for {published.day}, made by the run of night {published.night}",
        f"rows       {published.rows}",
        f"version    {published.version}",
        f"published  {published.published}",
        f"columns    key: {key}; " + "; ".join(f"{role}: {name}" for role, name in sorted(columns.items())),
        f"manifest   {published.manifest}",
        *(f"file       {uri}" for uri in published.uris),
    ]
