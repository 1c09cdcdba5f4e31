"""Reads a person's response to an approval request from the options of `nightshift promote`."""

import argparse
import re

from nightshift.errors import BadConfig
from nightshift.instants import format_instant, format_now, parse_instant
from nightshift.reasons import parse_optional_reason
from nightshift.result_parts import Decision

DIGEST = re.compile(r"\A[0-9a-f]{64}\Z")
PERSON = re.compile(r"\A[\w.@+'][\w .@+'-]{0,99}\Z")


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
