"""Formats and parses times as Kubernetes does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def format_now(later_seconds: float = 0) -> str:
    """Returns the present time, or one some seconds later, in UTC to the second."""
    return (datetime.now(UTC) + timedelta(seconds=later_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """Returns the time of a text in RFC 3339 with any number of decimals. Raises ValueError."""
    head, dot, rest = text.replace("Z", "+00:00").partition(".")
    if dot:
        digits = rest[: len(rest) - 6]
        head = f"{head}.{digits[:6]}{rest[-6:]}"
    moment = datetime.fromisoformat(head)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def drop_decimals(text: str) -> str:
    """Returns the same time without its decimals."""
    return parse(text).strftime("%Y-%m-%dT%H:%M:%SZ")
