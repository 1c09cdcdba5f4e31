"""Instants as text: ISO 8601 with a time zone, written in UTC to the second."""

from datetime import UTC, datetime

from nightshift.errors import BadConfig

EXAMPLE = "2013-02-09T06:30:00+00:00"


def read_instant(text: str) -> datetime:
    """Returns the instant in a stored text. Raises `ValueError` unless it is ISO 8601 with a time zone.

    An instant without a time zone can be compared with no other.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return instant


def is_instant(text: str) -> bool:
    """Whether a stored text is an instant, as `read_instant` reads it."""
    try:
        read_instant(text)
    except ValueError:
        return False
    return True


def parse_instant(text: str, option: str) -> datetime:
    """Returns the instant that a person wrote for `option`. Raises `BadConfig` with what to write instead."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadConfig(f"{option} {text[:40]!r} is no instant: write it as {EXAMPLE}") from error
    if instant.tzinfo is None:
        raise BadConfig(f"{option} {text[:40]!r} has no time zone: write it as {EXAMPLE}")
    return instant


def format_instant(instant: datetime) -> str:
    """Returns an instant as text, in UTC and to the second."""
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def format_now() -> str:
    """Returns the present instant as text."""
    return format_instant(datetime.now(UTC))
