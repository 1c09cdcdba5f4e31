"""The night of a run: what is taken, what is refused, and that nothing refused ever gets through."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightshift.errors import BadConfig
from nightshift_airflow import night

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
INTERVAL = datetime(2026, 3, 9, 0, 0, tzinfo=UTC)


def run(conf: dict[str, Any] | None = None, interval: datetime | None = INTERVAL, **more: Any) -> night.Run:
    return night.Run(conf=conf or {}, interval=interval, now=more.pop("now", NOW), **more)


def attempt(conf: dict[str, Any]) -> tuple[date | None, str]:
    """The night that is taken, or the sentence that refuses it."""
    try:
        return night.of(run(conf), "UTC"), ""
    except BadConfig as error:
        return None, str(error)


def test_the_interval_names_the_night() -> None:
    assert night.of(run(), "UTC") == date(2026, 3, 9)


def test_an_explicit_night_wins() -> None:
    assert night.of(run({"night": "2013-02-09"}), "UTC") == date(2013, 2, 9)


def test_an_empty_night_is_no_night() -> None:
    assert night.of(run({"night": None}), "UTC") == date(2026, 3, 9)


def test_the_interval_is_read_in_the_timezone_of_the_schedule() -> None:
    start = datetime(2026, 3, 8, 23, 0, tzinfo=UTC)  # midnight of the 9th in Berlin
    assert night.of(run(interval=start), "Europe/Berlin") == date(2026, 3, 9)
    assert night.of(run(interval=start), "UTC") == date(2026, 3, 8)


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), date(2026, 3, 29)),  # a day of 23 hours
        (datetime(2026, 10, 24, 22, tzinfo=UTC), date(2026, 10, 25)),  # a day of 25 hours
    ],
)
def test_days_of_23_and_25_hours_are_one_night(starts: datetime, expected: date) -> None:
    later = datetime(2026, 12, 1, tzinfo=UTC)
    assert night.of(run(interval=starts, now=later), "Europe/Berlin") == expected


def test_a_run_without_any_date_says_what_to_enter() -> None:
    with pytest.raises(BadConfig, match=r"\Athis run has no date: trigger it again and enter 'night', for example"):
        night.of(run(interval=None), "UTC")


@pytest.mark.parametrize("conf", [{"nigth": "2013-02-09"}, {"night": "2013-02-09", "force": True}, {"": 1}])
def test_unknown_keys_are_refused(conf: dict[str, Any]) -> None:
    with pytest.raises(BadConfig, match="unknown keys"):
        night.of(run(conf), "UTC")


def test_a_backfill_does_not_take_one_night_for_all_its_runs() -> None:
    with pytest.raises(BadConfig, match="a backfill takes its nights from its dates"):
        night.of(run({"night": "2013-02-09"}, backfill=True), "UTC")
    assert night.of(run(backfill=True), "UTC") == date(2026, 3, 9)


@pytest.mark.parametrize("value", ["2026-03-10", "2026-03-11", "9999-12-31"])
def test_a_day_that_is_not_over_is_refused(value: str) -> None:
    with pytest.raises(BadConfig, match="is not over yet"):
        night.of(run({"night": value}), "UTC")


def test_a_day_is_over_when_it_is_over_in_its_own_timezone() -> None:
    late = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)  # still the 9th in New York
    assert night.of(run({"night": "2026-03-09"}, now=late), "UTC") == date(2026, 3, 9)
    with pytest.raises(BadConfig, match="is not over yet"):
        night.of(run({"night": "2026-03-09"}, now=late), "America/New_York")


def test_a_delivery_may_be_of_today_but_not_of_tomorrow() -> None:
    assert night.of(run({"night": "2026-03-10"}), "UTC", whole=False) == date(2026, 3, 10)
    with pytest.raises(BadConfig, match="is not over yet"):
        night.of(run({"night": "2026-03-11"}), "UTC", whole=False)


HOSTILE = st.one_of(st.text(), st.integers(), st.booleans(), st.floats(), st.lists(st.text()), st.binary())


@given(HOSTILE)
@example("2013-02-09\n")
@example("2013-02-09;id")
@example("$(id)")
@example("{{ ds }}")
@example("２０１３-０２-０９")
@example("٢٠١٣-٠٢-٠٩")
@example("2013-02-30")
@example("20130209")
@example("2013-W06-6")
@example("-2013-02-09")
@example("x" * 300)
@example("")
@example(" 2013-02-09")
@example(0)
@example([])
def test_whatever_is_sent_either_is_a_day_or_is_refused_in_one_line(value: object) -> None:
    taken, refusal = attempt({"night": value})
    assert taken is None or taken.isoformat() == value
    assert "\n" not in refusal
    assert len(refusal) < 300


@given(st.dates(min_value=date(1, 1, 1), max_value=NOW.date() - timedelta(days=1)))
def test_every_day_that_is_over_is_taken(day: date) -> None:
    assert night.of(run({"night": day.isoformat()}), "UTC") == day


@given(st.dictionaries(st.text().filter(lambda key: key != "night"), st.text(), min_size=1))
def test_no_unknown_key_gets_through_and_the_message_stays_short(conf: dict[str, Any]) -> None:
    with pytest.raises(BadConfig) as refused:
        night.of(run(conf), "UTC")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000
