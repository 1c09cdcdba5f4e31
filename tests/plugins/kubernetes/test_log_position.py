"""A log that is read in pieces: each line once, whatever is read again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift_airflow.kubernetes.log_position import CLOCK_SKEW, LogPosition, parse_instant

START = datetime(2026, 3, 9, 23, 59, 58, tzinfo=UTC)


def line(number: int, microseconds: int, nanoseconds: str = "000") -> bytes:
    moment = (START + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{moment}{nanoseconds}Z line {number}\n".encode()


@settings(deadline=None)
@given(st.data())
def test_every_line_once_wherever_the_stream_is_cut_and_however_much_is_read_again(data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=20))  # 0: the same instant as the line before
    log = [line(number, sum(gaps[: number + 1])) for number in range(len(gaps))]
    position, end = LogPosition(), 0
    read: list[bytes] = []
    while end < len(log):
        last = position.last
        first = next(i for i, entry in enumerate(log) if last is None or (parse_instant(entry) or last) >= last)
        end = data.draw(st.integers(end + 1, len(log)))
        read += position.select_unread(log[data.draw(st.integers(0, first)) : end])
    assert read == log


def test_lines_of_one_instant_are_counted() -> None:
    position = LogPosition()
    assert list(position.select_unread([line(1, 0), line(2, 0)])) == [line(1, 0), line(2, 0)]
    assert list(position.select_unread([line(1, 0), line(2, 0), line(3, 0)])) == [line(3, 0)]


def test_nanoseconds_tell_lines_apart() -> None:
    position = LogPosition()
    assert list(position.select_unread([line(1, 0, "100")])) == [line(1, 0, "100")]
    assert list(position.select_unread([line(1, 0, "100"), line(2, 0, "101")])) == [line(2, 0, "101")]


def test_a_trimmed_fraction_and_a_node_of_another_time_zone_are_the_same_instant() -> None:
    assert parse_instant(b"2026-03-09T01:00:00.5Z x") == parse_instant(b"2026-03-09T02:00:00.500000000+01:00 x")
    assert parse_instant(b"2026-03-09T01:00:00Z x") == parse_instant(b"2026-03-08T20:00:00-05:00 x")
    parsed = parse_instant(b"2026-03-09T01:00:00Z")
    assert parsed is not None
    assert parsed[0].astimezone(timezone(timedelta(hours=1))).hour == 2


@pytest.mark.parametrize(
    "text", [b"", b"no instant", b"2026-03-09 x", b"2026-03-09T01:00:00 without a zone", b"\xff\n"]
)
def test_a_line_without_an_instant_belongs_to_the_one_before(text: bytes) -> None:
    position = LogPosition()
    assert list(position.select_unread([line(1, 0), text])) == [line(1, 0), text]
    assert list(position.select_unread([line(1, 0), text, line(2, 5)])) == [line(2, 5)]


def test_as_much_is_asked_for_again_as_clocks_may_differ() -> None:
    position = LogPosition()
    assert position.compute_since_seconds(START) is None
    list(position.select_unread([line(1, 0)]))
    assert position.compute_since_seconds(START + timedelta(seconds=7.5)) == 8 + CLOCK_SKEW
    assert position.compute_since_seconds(START) == CLOCK_SKEW


@pytest.mark.parametrize("ahead", [timedelta(milliseconds=1), timedelta(seconds=CLOCK_SKEW), timedelta(hours=1)])
def test_all_is_asked_for_again_when_the_nodes_clock_is_ahead(ahead: timedelta) -> None:
    position = LogPosition()
    list(position.select_unread([line(1, 0)]))
    assert position.compute_since_seconds(START - ahead) is None
    assert list(position.select_unread([line(1, 0), line(2, 5)])) == [line(2, 5)]


def test_a_stream_that_breaks_is_not_whole() -> None:
    def broken() -> Iterator[bytes]:
        yield line(1, 0)
        raise ConnectionError("cut")

    position = LogPosition()
    with pytest.raises(ConnectionError, match="cut"):
        list(position.select_unread(broken()))
    assert not position.is_whole
    assert list(position.select_unread([line(1, 0)])) == []
    assert position.is_whole
