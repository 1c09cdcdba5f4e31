"""The arguments and the help of `nightshift promote`."""

import argparse

from nightshift.command_lines.shared_arguments import add_model, add_night, add_show_values

OUTCOMES = ("approved", "rejected", "unanswered")
DETAILS = """\
Ends with 99 if the gate refused or there is a newer champion. If the model needs approval, the options hand over the
response of a person; without them, the last line of the log has the digest for --about.
"""
EXAMPLES = """\
nightshift promote flights 2013-02-09
nightshift promote flights 2013-02-10 --decision approved --decided-by Ada --about DIGEST
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    add_night(parser)
    add_show_values(parser)
    options = parser.add_argument_group("response to an approval request")
    options.add_argument("--decision", choices=OUTCOMES, help="what the person decided")
    options.add_argument("--about", metavar="DIGEST", default="", help="SHA-256 of the verdict that was shown")
    options.add_argument("--decided-by", metavar="NAME", default="", help="the person's name")
    options.add_argument("--decided-at", metavar="INSTANT", default="", help="when, ISO 8601; default: now")
    options.add_argument("--decided-because", metavar="TEXT", default="", help="the person's reason, if there is one")
