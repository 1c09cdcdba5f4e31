"""`nightshift seed` for a weekly record: Sundays only, what is asked one week ahead, and whole weeks only."""

from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd
import pytest

from models.daily_highs.definition import MODEL
from nightshift.adapters.gx import suites
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.cli import make_parser
from nightshift.definition import Dataset
from nightshift.errors import BadConfig
from nightshift.lake import tables
from nightshift.seeding import command
from nightshift.steps import validate

THURSDAY = date(2026, 3, 5)
WEEK = timedelta(days=7)


@pytest.fixture
def lake(store: ObjectStore) -> Iterator[ObjectStore]:
    """The session's lake, in which the model has nothing before and nothing after."""
    yield store
    for dataset in MODEL.datasets:
        store.delete([stored.uri for stored in store.list_objects(dataset.uri.split("date=")[0])])


def seed(*arguments: str, today: date = THURSDAY) -> int:
    return command.run(make_parser("seed").parse_args([MODEL.name, *arguments]), today)


def landed(store: ObjectStore, dataset: Dataset) -> list[date]:
    head = dataset.uri.split("{night}")[0]
    return sorted(date.fromisoformat(o.uri.removeprefix(head)[:10]) for o in store.list_objects(head))


def test_up_to_yesterday_means_up_to_the_last_sunday_with_the_week_under_way_asked_for(lake: ObjectStore) -> None:
    assert seed("--nights", "2026-02-01..2026-03-04") == 0
    sundays = [date(2026, 2, 1) + number * WEEK for number in range(5)]
    assert landed(lake, MODEL.facts) == sundays
    assert landed(lake, MODEL.scheduled) == [*sundays, date(2026, 3, 8)]
    week = tables.read(lake, MODEL.facts.build_partition_uri(sundays[-1]))
    assert list(week["day"]) == list(pd.date_range("2026-02-23", "2026-03-01"))


def test_every_evening_may_ask_and_only_a_sunday_lands_something(lake: ObjectStore) -> None:
    assert seed("--nights", "2026-02-22..2026-03-04") == 0
    for number in range(5):
        today = THURSDAY + timedelta(days=number)
        assert seed("--nights", f"{today}..{today}", today=today) == 0
        assert (date(2026, 3, 8) in landed(lake, MODEL.facts)) == (today >= date(2026, 3, 8))
    assert max(landed(lake, MODEL.scheduled)) == date(2026, 3, 15)


def test_a_week_is_corrupted_only_where_there_is_one(lake: ObjectStore) -> None:
    assert seed("--nights", "2026-03-01..2026-03-01") == 0
    assert seed("--corrupt", "2026-03-03") == BadConfig.exit_code
    assert seed("--corrupt", "2026-03-01") == 0
    assert tables.read(lake, MODEL.facts.build_partition_uri(date(2026, 3, 1)))["temp_max"].min() > 25


def test_a_suite_may_ask_for_the_whole_week_that_ends_with_the_night() -> None:
    suite = suites.load(MODEL.facts.suite or "")
    actual = validate._build_parameters(suite, MODEL, date(2013, 3, 3), {date(2013, 2, 24): 7, date(2013, 2, 17): 7})
    assert (str(actual["first_day"]), str(actual["night"])) == ("2013-02-25 00:00:00", "2013-03-03 00:00:00")
    assert str(actual["day_begin"]) == "2013-02-24 10:00:00+00:00"
    assert str(actual["day_end"]) == "2013-03-04 12:00:00+00:00"
    assert (actual["rows_min"], actual["rows_max"]) == (7, 7)
