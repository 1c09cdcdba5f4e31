"""Instants as text: what is read, what is refused, and how they are written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from nightshift.errors import BadConfig
from nightshift.instants import format_instant, format_now, parse_instant, read_instant

NOON = datetime(2013, 2, 18, 12, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no instant: write it as 2013-02-09T06:30:00"),
        ("now", "is no instant"),
        ("2013-02-18", "has no time zone: write it as 2013-02-09T06:30:00"),
        ("2013-02-18T06:30:00", "has no time zone"),
    ],
)
def test_an_instant_that_is_none_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(BadConfig, match=f"--asked-at '{text}' {message}"):
        parse_instant(text, "--asked-at")
    with pytest.raises(ValueError, match=r"Invalid isoformat|has no time zone"):
        read_instant(text)


def test_an_instant_is_written_in_utc_and_read_again() -> None:
    assert format_instant(NOON) == "2013-02-18T10:00:00+00:00"
    assert read_instant(format_instant(NOON)) == parse_instant(format_instant(NOON), "--asked-at")
    assert read_instant(format_now()).tzinfo == UTC
