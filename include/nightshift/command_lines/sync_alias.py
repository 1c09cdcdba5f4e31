"""The arguments and the help of `nightshift sync-alias`."""

import argparse
from pathlib import Path

LONGEST = 600
"""Seconds between two syncs at the most: what is promised to those who load `models:/NAME@champion`."""
DETAILS = """\
Without MODEL it syncs every model. An alias that was moved by hand is moved back, and a log line names the command for
a person who wanted the move. A problem that a person must solve is logged, and shown on the Promotions page.

With --every it continues until it is stopped. Without it, it ends with the exit code of the last model that failed.
"""
EXAMPLES = """\
nightshift sync-alias    # every model, once
nightshift sync-alias flights
nightshift sync-alias --every 300 --answers /tmp/alive    # until it is stopped
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument("models", metavar="MODEL", nargs="*", help="default: every model")
    parser.add_argument("--every", metavar="SECONDS", type=int, help=f"again and again; at most {LONGEST}")
    parser.add_argument("--answers", metavar="FILE", type=Path, help="touched after each round: a sign of life")
