"""The reason that a person gives for a decision: one line of text, recorded in the ledger."""

from nightshift.errors import BadConfig

SHORTEST_REASON = 3
LONGEST_REASON = 500
"""Characters of a reason. One that comes with the answer to an approval request may be empty."""


def parse_reason(text: str) -> str:
    """Returns the reason without spaces around it. Raises `BadConfig` unless it is one line of the right length."""
    reason = text.strip(" ")
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise BadConfig(f"the reason must have {SHORTEST_REASON} to {LONGEST_REASON} characters, not {len(reason)}")
    if not reason.isprintable():
        raise BadConfig("the reason must be one line of text without control characters")
    return reason


def parse_optional_reason(text: str, option: str) -> str:
    """Returns the reason that a person may have written for `option`. Raises `BadConfig` for more than one line."""
    reason = text.strip()
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise BadConfig(f"{option} must be one line of at most {LONGEST_REASON} characters")
    return reason
