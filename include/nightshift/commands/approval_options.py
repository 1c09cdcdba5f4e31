"""The options of `nightshift promote` that hand over a person's response to an approval request."""

import argparse
import re

from nightshift.adapters.s3.ledger_entries import Decision
from nightshift.errors import BadConfig
from nightshift.instants import format_instant, format_now, parse_instant
from nightshift.reasons import parse_optional_reason

OUTCOMES = ("approved", "rejected", "unanswered")
DIGEST = re.compile(r"\A[0-9a-f]{64}\Z")
PERSON = re.compile(r"\A[\w.@+'][\w .@+'-]{0,99}\Z")


def add_approval_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options; the others go with --decision."""
    options = parser.add_argument_group("response to an approval request")
    options.add_argument("--decision", choices=OUTCOMES, help="what the person decided")
    options.add_argument("--about", metavar="DIGEST", default="", help="SHA-256 of the verdict that was shown")
    options.add_argument("--decided-by", metavar="NAME", default="", help="the person's name")
    options.add_argument("--decided-at", metavar="INSTANT", default="", help="when, ISO 8601; default: now")
    options.add_argument("--decided-because", metavar="TEXT", default="", help="the person's reason, if there is one")


def read_decision(arguments: argparse.Namespace) -> Decision | None:
    """Returns the response, or None without --decision.

    Raises `BadConfig` for a name, an instant, a reason or a digest that cannot be one, or that comes without
    --decision.
    """
    if arguments.decision is None:
        if arguments.about or arguments.decided_by or arguments.decided_at or arguments.decided_because:
            raise BadConfig("--about and --decided-… say more about a --decision: give that as well")
        return None
    if not DIGEST.match(arguments.about):
        raise BadConfig("--about must be the SHA-256 of the verdict that was shown: 64 hexadecimal digits")
    by = arguments.decided_by
    if not PERSON.match(by) and (by or arguments.decision != "unanswered"):
        raise BadConfig("--decided-by must name who decided, in at most 100 characters without control characters")
    reason = parse_optional_reason(arguments.decided_because, "--decided-because")
    text = arguments.decided_at
    at = format_instant(parse_instant(text, "--decided-at")) if text else format_now()
    return Decision(outcome=arguments.decision, by=by, about=arguments.about, at=at, reason=reason)
